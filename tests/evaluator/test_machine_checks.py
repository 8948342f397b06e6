import os
import stat

from click.testing import CliRunner

from evaluator import cli, preflight
from evaluator.machine_checks import data_directory, swap


def test_swap_is_told_with_its_size(tmp_path):
    head = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    swaps = tmp_path / "swaps"
    swaps.write_text(head)
    assert swap(swaps) == "off"
    swaps.write_text(head + "/swap.img  file  4194300  0  -2\n/dev/sda3  partition  1048576  0  -3\n")
    assert swap(swaps).startswith("on (5,119 MiB)")
    assert swap(tmp_path / "none") == "unknown"
    assert swap() in ("off", "unknown") or swap().startswith("on (")


def test_an_open_data_directory_is_told_and_mended(tmp_path, monkeypatch):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    database = data / "leaderboard.sqlite"
    database.touch(mode=0o644)
    for path, mode in ((data, 0o755), (database, 0o644)):
        path.chmod(mode)
    told = data_directory(data, mend=False)
    assert told.startswith("open to other users")
    assert str(database) in told
    assert stat.S_IMODE(data.stat().st_mode) == 0o755
    monkeypatch.setattr(preflight, "examine", lambda: {"can_judge": True})
    ran = CliRunner().invoke(cli.doctor, ["--data", str(data), "--mend"])
    assert "is closed now" in ran.output
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert data_directory(data, mend=False) == f"{data} is closed to other users"
    assert "not a directory" in data_directory(tmp_path / "none", mend=True)
    assert os.access(database, os.W_OK)

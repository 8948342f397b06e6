"""Bundles and pictures in object storage: a board whose files lie on an S3 server, and moving them there."""

import dataclasses
import os
import threading
import zipfile
from types import SimpleNamespace

import httpx
import pytest
from click.testing import CliRunner

from challenge.bundle.reader import read_bundle
from leaderboard import db
from leaderboard.app import create_app
from leaderboard.cli.admin import admin
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import Submission
from leaderboard.services import artifacts, health, people
from leaderboard.storage import open_storage, storage_of, transfer
from tests.leaderboard.test_views import png
from tests.support.processes import free_port

PICTURE = "seahorse-valley/05/model.png"

# Importing the S3 server takes seconds.
pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def s3():
    """An S3 server on the loopback; moto's, which keeps objects in its memory."""
    from moto.server import ThreadedMotoServer

    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{port}"
    patch = pytest.MonkeyPatch()
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        patch.setenv(name, value)
    yield SimpleNamespace(url=url)
    patch.undo()
    server.stop()


@pytest.fixture
def bucket(s3, request):
    """The URL of a place in a new bucket."""
    name = f"bucket-{abs(hash(request.node.nodeid)) % 10**9}"
    assert httpx.put(f"{s3.url}/{name}").is_success
    open_storage.cache_clear()
    return f"s3://{name}/a/board"


@pytest.fixture(params=["folder", "s3"])
def storage(request, tmp_path):
    return open_storage(str(tmp_path) if request.param == "folder" else request.getfixturevalue("bucket"))


def test_a_file_is_stored_found_listed_and_removed(storage):
    storage.check()
    assert storage.find("artifacts/1/x.png") is None
    with pytest.raises(FileNotFoundError):
        storage.get("artifacts/1/x.png", 10)
    with pytest.raises(FileNotFoundError):
        storage.open("artifacts/1/x.png")
    for key in ("artifacts/1/x.png", "artifacts/1/deep/y.png", "artifacts/11/z.png", "bundles/ab/c.zip"):
        storage.put(key, key.encode())
    storage.put("artifacts/1/x.png", b"another")
    assert storage.get("artifacts/1/x.png", 7) == b"another"
    with pytest.raises(Refused, match="more than the 6 bytes"):
        storage.get("artifacts/1/x.png", 6)
    assert storage.find("artifacts/1/x.png").size == 7
    assert sorted(file.key for file in storage.list("artifacts")) == [
        "artifacts/1/deep/y.png",
        "artifacts/1/x.png",
        "artifacts/11/z.png",
    ]
    storage.remove_all("artifacts/1")
    assert [file.key for file in storage.list("artifacts")] == ["artifacts/11/z.png"]
    storage.remove("artifacts/11/z.png")
    storage.remove("artifacts/11/z.png")
    assert [usage.files for usage in transfer.usage(storage)] == [1, 0]


def test_a_large_file_is_sent_in_parts_and_read_where_it_is_needed(storage):
    content = os.urandom(12 << 20)
    with storage.writing("bundles/ab/c.zip") as path, zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", content)
        archive.writestr("frames/a.png", b"small")
    with storage.open("bundles/ab/c.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("frames/a.png") == b"small"
        assert archive.read("weights") == content
        file.seek(0)
        assert file.read(4) == b"PK\3\4"


def test_what_is_interrupted_leaves_the_older_file(storage):
    def interrupted():
        with storage.writing("bundles/x") as path:
            path.write_bytes(b"half")
            raise RuntimeError

    storage.put("bundles/x", b"old")
    with pytest.raises(RuntimeError):
        interrupted()
    assert storage.get("bundles/x", 9) == b"old"
    assert [file.key for file in storage.list("bundles")] == ["bundles/x"]


@pytest.fixture
def cloud(board, bucket):
    """The board, with its files in the bucket."""
    config = dataclasses.replace(board.config, storage=bucket)
    app = create_app(config)
    board.apps.append(app)
    board.app, board.config = app, config
    return board


def test_a_board_keeps_bundles_and_pictures_there(cloud):
    frame = png((10, 200, 30))
    number = cloud.submit("one", extra={"frames/000.png": frame}).json["id"]
    lease, _ = cloud.claim(1)
    answer = cloud.get("/api/v1/worker/evaluations/1/bundle", headers=lease)
    assert answer.status_code == 302
    content = httpx.get(answer.location).raise_for_status().content
    with cloud.writing() as session:
        digest = session.get(Submission, number).digest
    path = cloud.config.data / "fetched.zip"
    path.write_bytes(content)
    assert read_bundle(path).digest == digest
    kept = cloud.client.put(
        f"/api/v1/worker/evaluations/1/artifacts/{PICTURE}",
        data=png((1, 2, 3)),
        headers=lease,
    )
    assert kept.status_code == 200, kept.text
    assert cloud.tell(1, "report", lease, json=cloud.report()).status_code == 200
    shown = cloud.get(f"/evaluations/1/{PICTURE}")
    assert (shown.status_code, shown.mimetype) == (200, "image/png")
    tag = shown.headers["ETag"]
    again = cloud.get(f"/evaluations/1/{PICTURE}", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert cloud.get(f"/evaluations/1/{PICTURE}?colours=viridis").status_code == 200
    assert cloud.get(f"/submissions/{number}/frames/0.png").mimetype == "image/png"
    assert cloud.get(f"/submissions/{number}/card.png").mimetype == "image/png"
    assert cloud.get(f"/submissions/{number}").status_code == 200
    path.unlink()
    assert not any((cloud.config.data / part).exists() for part in ("bundles", "artifacts"))
    assert list((cloud.config.data / "uploads").iterdir()) == []
    with db.transaction(cloud.parts.writers) as session:
        people.delete_submission(session, cloud.config, "admin", session.get(Submission, number))
    assert [usage.files for usage in transfer.usage(storage_of(cloud.config))] == [0, 0]


def test_a_picture_that_is_another_than_was_stored_is_not_shown(cloud):
    cloud.submit("one")
    with cloud.writing() as session:
        artifacts.save(session, cloud.config, 1, PICTURE, png((1, 2, 3)))
    storage_of(cloud.config).put(artifacts.key_of(1, PICTURE), png((3, 2, 1)))
    assert cloud.get(f"/evaluations/1/{PICTURE}").status_code == 404


def test_storage_that_is_away_is_one_sentence_and_changes_nothing(cloud, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("leaderboard.storage.objects._RETRY", {"max_retries": 0})
    open_storage.cache_clear()
    answer = cloud.submit("one")
    assert (answer.status_code, answer.json["code"]) == (503, "storage_away")
    assert cloud.get("/api/v1/board").json["pending"] == []
    assert "cannot be read" in health.problem(cloud.parts.readers, cloud.config)
    with pytest.raises(Refused, match="cannot store the file in s3://"):
        storage_of(cloud.config).check()
    open_storage.cache_clear()


def test_a_bucket_that_is_not_there(s3):
    with pytest.raises(Refused, match="no such bucket"):
        open_storage("s3://not-there/x").check()
    with pytest.raises(Refused, match="no such bucket"):
        next(open_storage("s3://not-there/x").list("bundles"))


@pytest.mark.parametrize("url", ["s3:/x", "ftp://x/y", "s3://", "s3://b/x y"])
def test_a_url_that_names_no_storage(tmp_path, url):
    from challenge.util.exit_codes import SettingError

    with pytest.raises(SettingError, match="STORAGE"):
        Config.make(tmp_path, storage=url)


def digests(storage):
    files = [file for part in ("bundles", "artifacts") for file in storage.list(part)]
    return {file.key: transfer.digest_of(storage, file.key) for file in files}


def test_moving_goes_on_where_it_was_interrupted(board, bucket):
    board.judged("one", seed=1)
    board.judged("two", seed=2)
    with board.writing() as session:
        for octave in range(4):
            artifacts.save(session, board.config, 1, f"spiral/{octave:02}/model.png", png((octave, 2, 3)))
    source, target = storage_of(board.config), open_storage(bucket)
    copies = transfer.copy_all(source, target)
    assert [next(copies).new for _ in range(3)] == [True] * 3
    copies.close()
    copied = list(transfer.copy_all(source, target))
    assert sorted(one.new for one in copied) == [False] * 3 + [True] * 3
    assert digests(source) == digests(target)
    # One that is as long as it was, and another: only a look at its content finds it.
    key = copied[0].file.key
    target.put(key, bytes(copied[0].file.size))
    assert not any(one.new for one in transfer.copy_all(source, target))
    assert [one.file.key for one in transfer.copy_all(source, target, verify_all=True) if one.new] == [key]


def test_a_board_is_moved_and_a_backup_of_it_is_restored_elsewhere(board, bucket, tmp_path):
    number = board.judged("one", seed=1)
    where = ["--data", str(board.config.data), "--database", board.config.database]

    def run(*arguments, code=0):
        done = CliRunner().invoke(admin, [*map(str, arguments)])
        assert done.exit_code == code, done.output
        return done.output

    assert "1 of them were copied now" in run(*where, "storage", "move", bucket, "--delete")
    assert not list(board.config.data.rglob("*.zip"))
    assert "is kept in" in run(*where, "storage", "move", board.config.data, code=6)
    if not board.config.database.startswith("sqlite"):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MBC_BOARD_STORAGE", bucket)
        assert "1 bundles" in run(*where, "storage", "show")
        out = f"{bucket}/backups/monday.tar"
        assert f"Wrote {out}" in run(*where, "backup", out)
        elsewhere = ["--data", str(tmp_path / "restored")]
        assert "is not empty" in run(*elsewhere, "restore", out, code=6)
        patch.setenv("MBC_BOARD_STORAGE", f"{bucket}-restored")
        run(*elsewhere, "restore", out)
        config = Config.make(tmp_path / "restored")
    app = create_app(config)
    board.apps.append(app)
    answer = app.test_client().get(f"/api/v1/submissions/{number}/bundle", headers=board.user)
    assert answer.status_code == 302
    assert httpx.get(answer.location).is_success
    assert sorted(p.name for p in (tmp_path / "restored").iterdir() if p.is_dir()) == ["uploads"]


def test_many_at_once(storage):
    """One storage serves all threads of a server."""
    wrong = []

    def work(number):
        for turn in range(5):
            key = f"artifacts/{number}/{turn}.png"
            storage.put(key, key.encode())
            if storage.get(key, 99) != key.encode():
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(list(storage.list("artifacts"))) == 40

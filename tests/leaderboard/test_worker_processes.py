"""`mbc worker --processes 2` at a real server: both judge; a second signal gives back what both hold."""

import os
import signal
import subprocess

import pytest

from tests.support.deployment import Deployment
from tests.support.processes import MBC, alive, family

pytestmark = [pytest.mark.server, pytest.mark.costly, pytest.mark.slow]


@pytest.mark.timeout(900)
def test_both_judge_and_a_second_signal_gives_back_what_they_hold(tmp_path):
    tmp_path.chmod(0o755)
    server = Deployment(tmp_path, workers=0, MBC_BOARD_LEASE_SECONDS="120")
    log = tmp_path / "workers.log"
    with log.open("wb") as out:
        workers = subprocess.Popen(
            [*MBC, "worker", "--server", server.url, "--broker", server.broker,
             "--processes", "2", "--drain", "600"],
            env=server.environment | {"MBC_WORKER_TOKEN": server.token()},
            stdout=out,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        numbers = [server.submit() for _ in range(3)]

        def held():
            found = [server.status(number) for number in numbers]
            return [one for one in found if not one["final"] and one["status"] != "queued"]

        # Each process has one, past its first stage: what is left takes long enough.
        server.until("two at once", lambda: len([one for one in held() if one["stages"]]) == 2)
        kin = family(workers.pid)
        os.kill(workers.pid, signal.SIGTERM)
        server.until("both asked", lambda: log.read_text().count("asked to stop") == 2, pause=0.02)
        os.kill(workers.pid, signal.SIGTERM)
        assert workers.wait(60) == 0, log.read_text()
        assert held() == []
        left = [server.status(number) for number in numbers]
        assert all(one["final"] or (one["status"], one["attempt"]) == ("queued", 0) for one in left), left
        assert sum(one["stages"][:1] == ["octaves"] for one in left) >= 2
        server.until("their sandboxes' end", lambda: not alive(kin, zombies=False), patience=30)
    finally:
        workers.kill()
        workers.wait()
        server.close()

"""PostgreSQL and Redis of a test's own, on the loopback; what is not installed skips the test."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from .processes import free_port


def _tool(name):
    """A program of PostgreSQL's server, which distributions keep out of the path."""
    found = sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))) or [shutil.which(name)]
    if found[-1] is None:
        pytest.skip(f"there is no {name}: apt-get install postgresql")
    return found[-1]


class PostgreSQL:
    """A cluster of its own; it refuses to run as root, so root's is run as nobody."""

    def __init__(self):
        # Nobody may not enter the folders that pytest makes for root.
        self._folder = Path(tempfile.mkdtemp(prefix="mbc-postgresql-"))
        self._port = free_port()
        self._as = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": "nobody", "group": nobody.pw_gid, "extra_groups": []}
        self._databases = 0
        options = ("-U", "board", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._run("initdb", "-D", self._folder / "data", *options)
        self.start()

    def _run(self, tool, *arguments):
        command = [_tool(tool), *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, **self._as
        )
        assert done.returncode == 0, done.stderr

    def start(self):
        # Durability is not what is tested here.
        settings = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 "
            f"-c unix_socket_directories={self._folder}"
        )
        log = self._folder / "log"
        self._run("pg_ctl", "-D", self._folder / "data", "-l", log, "-w", "-o", settings, "start")

    @property
    def pid(self):
        """Of its first process, whose children the others are."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def stop(self, mode="immediate"):
        self._run("pg_ctl", "-D", self._folder / "data", "-m", mode, "-w", "stop")

    def database(self):
        """The URL of a new database."""
        self._databases += 1
        name = f"board_test_{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", self._port, "-U", "board", name)
        return f"postgresql://board@127.0.0.1:{self._port}/{name}"

    def close(self):
        with contextlib.suppress(AssertionError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class Redis:
    """A Redis that keeps nothing when it stops."""

    def __init__(self, folder):
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("there is no redis-server: apt-get install redis-server")
        self._port = free_port()
        options = ["--port", str(self._port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
        self._command = [program, *options, "--bind", "127.0.0.1"]
        self.start()

    def url(self, number=0):
        return f"redis://127.0.0.1:{self._port}/{number}"

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        client = shutil.which("redis-cli")
        for _ in range(200):
            if subprocess.run(
                [client, "-p", str(self._port), "ping"], capture_output=True, check=False
            ).stdout:
                return
            time.sleep(0.02)
        raise AssertionError("Redis does not answer")

    @property
    def pid(self):
        return self._process.pid

    def flush(self):
        subprocess.run(["redis-cli", "-p", str(self._port), "flushall"], check=True, capture_output=True)

    def close(self):
        self._process.kill()
        self._process.wait()

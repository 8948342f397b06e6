"""A server and its workers as real processes in a folder of their own, for tests that kill them.

The season is tiny, the submission is fitted in an instant (quick_model.py) and the workers judge it by fewer
controls and probes (small_worker.py), so that a whole evaluation takes seconds. Every process is started by
its usual command. `tend` starts again those that have ended, as a service manager would.
"""

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import torch
from safetensors.torch import save

from challenge import sample

from .processes import MBC, PATIENCE, children, command, family, free_port

HERE = Path(__file__).parent
# Fields of a report that differ between two runs of one evaluation.
# The first one makes the certificate of the code, which the others take from it.
VARYING = ("seconds", "timings", "predictions_per_second", "certificate_from")
SETTINGS = {
    "MBC_BOARD_CHAINS": "2",
    "MBC_BOARD_OCTAVES": "4",
    "MBC_BOARD_POINTS": "64",
    "MBC_BOARD_TRUTH_PIXELS": "16",
    "MBC_BOARD_LEASE_SECONDS": "6",
    "MBC_BOARD_SWEEP_SECONDS": "0.05",
    "MBC_BOARD_UNCLAIMED_SECONDS": "4",
    "MBC_BOARD_ATTEMPTS": "1000",
    "MBC_BOARD_HAND_INS_A_DAY": "100000",
    "MBC_BOARD_HAND_INS_WAITING": "1000",
    "MBC_BOARD_WRITE_RATE": "1000000 per minute",
    "MBC_LIMIT_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONUNBUFFERED": "1",
}


def bundle(number):
    """A bundle that differs from the others by its description alone."""
    manifest = f'api = 1\nname = "one"\nauthor = "Ada"\ndescription = "Number {number}."\n'
    files = {
        "submission.toml": manifest.encode(),
        "model.py": (HERE / "quick_model.py").read_bytes(),
        "weights.safetensors": _weights(),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _weights():
    if not hasattr(_weights, "made"):
        scope = {}
        exec((HERE / "quick_model.py").read_text(), scope)
        model = scope["build"](2, 1)
        x, t = sample(20_000, 1)
        scope["fit"](model, torch.tensor(x).float(), torch.tensor(t)[:, None].float(), None)
        _weights.made = save(model.state_dict())
    return _weights.made


class Worker:
    """One `mbc worker`, restarted by `tend`."""

    def __init__(self, deployment, name):
        self._deployment = deployment
        self.log = deployment.folder / f"{name}.log"
        self.numbers = []
        self.start()

    def start(self):
        deployment = self._deployment
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(HERE / "small_worker.py"), "worker"),
                    *("--server", deployment.url, "--broker", deployment.broker),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=deployment.environment | {"MBC_WORKER_TOKEN": deployment.token()},
            )
        self.numbers.append(self.process.pid)

    def sandboxes(self):
        """(reaper, its bubblewrap, the first process inside) of each sandbox, as far as it has them.

        The reaper of a fork has nothing below it: that is the server's, see `forks`.
        """
        return [line for line in self._reapers() if not _serves_forks(line[0])]

    def forks(self):
        """Processes that end together: the server of forks and its reaper; each fork and its supervisor."""
        found = [line for line in self._reapers() if _serves_forks(line[0])]
        supervisors = [supervisor for line in found for supervisor in children(line[-1])]
        return found + [[supervisor, *children(supervisor)] for supervisor in supervisors]

    def _reapers(self):
        reapers = [one for one in children(self.process.pid) if "reaper.py" in " ".join(command(one))]
        return [[one, *(outer := children(one)), *_below(outer)] for one in reapers]


def _serves_forks(reaper):
    return any("fork_server.py" in part for part in command(reaper))


def _below(processes):
    return [child for process in processes for child in children(process)]


class Deployment:
    """`mbc serve --no-worker` and its workers, on one data directory."""

    def __init__(self, folder, *, workers=1, broker=None, data=None, **settings):
        self.folder = folder
        self.data = data or folder / "data"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.temporary.chmod(0o777)
        self.broker = broker or f"sqla+sqlite:///{self.data / 'queue.sqlite'}"
        self.environment = os.environ | SETTINGS | {
            "MBC_CONFIG": str(folder / "config.toml"), "TMPDIR": str(self.temporary),
            # Torch keeps files of its own in the evaluator.
            "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"), **settings,
        }  # fmt: skip
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self.submitted = 0
        self.served = []
        self._tokens = []
        self.serve()
        self.until("server", self.up)
        self.workers = [Worker(self, f"worker-{number}") for number in range(workers)]

    def serve(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(*MBC, "serve", "--no-worker", "--data", str(self.data)),
                    *("--port", str(self.port), "--broker", self.broker),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )
        self.served.append(self.process.pid)

    def token(self):
        """A worker's token as `mbc admin` makes them: not that of the embedded worker."""
        if not self._tokens:
            made = subprocess.run(
                [*MBC, "admin", "--data", str(self.data), "tokens", "new", "--worker"],
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            self._tokens.append(made.stdout.split()[-1])
        return self._tokens[0]

    def tend(self):
        """Start every process that has ended again."""
        if self.process.poll() is not None:
            self.serve()
        for worker in self.workers:
            if worker.process.poll() is not None:
                worker.start()

    def up(self):
        try:
            return httpx.get(f"{self.url}/api/v1/seasons", timeout=30).is_success
        except httpx.TransportError:
            return False

    def until(self, what, answered, patience=PATIENCE, pause=0.1):
        """What `answered` returns, once it is true; meanwhile every process is tended."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if found := answered():
                    return found
            if hasattr(self, "workers"):
                self.tend()
            time.sleep(pause)
        raise AssertionError(f"no {what} within {patience} s\n{self.said()}")

    def said(self, most=6000):
        """The ends of all logs."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-most:]}" for log in logs)

    def submit(self):
        """Submit another bundle, trying until the server accepts it; the submission's number."""
        self.submitted += 1
        content = bundle(self.submitted)
        local = {"Authorization": f"Bearer {(self.data / 'tokens' / 'local').read_text().strip()}"}

        def sent():
            answer = httpx.post(
                f"{self.url}/api/v1/submissions",
                files={"bundle": ("one.zip", content, "application/zip")},
                data={"track": "open"},
                headers=local,
                timeout=60,
            )
            return answer.json()["id"] if answer.status_code in (200, 201) else None

        return self.until("acceptance", sent)

    def status(self, number):
        answer = httpx.get(f"{self.url}/api/v1/submissions/{number}", timeout=60)
        return answer.json() if answer.is_success else None

    def statuses(self, numbers):
        """The status of each, asking until the server answers."""
        return [self.until("status", lambda n=number: self.status(n)) for number in numbers]

    def ended(self, numbers):
        """Their statuses, once all are final."""

        def all_final():
            found = [self.status(number) for number in numbers]
            return found if all(one and one["final"] for one in found) else None

        return self.until(f"end of {numbers}", all_final, pause=0.3)

    def figures(self, number):
        """Everything that was measured: its digest, and the JSON itself."""
        report = httpx.get(f"{self.url}/api/v1/submissions/{number}/report", timeout=60).json()
        told = json.dumps({k: v for k, v in report.items() if k not in VARYING}, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12], told

    def board(self):
        """The numbers of all ranked submissions, of every page."""
        found, page, pages = [], 1, 1
        while page <= pages:
            query = {"page": page, "entries": "all"}
            answer = httpx.get(f"{self.url}/api/v1/board", params=query, timeout=60).json()
            found += [entry["submission_id"] for entry in answer["entries"]]
            page, pages = page + 1, answer["page"]["pages"]
        return found

    def close(self):
        """Stop every process as a service manager would; returns the family that may not outlive this."""
        kin = {}
        for process in (self.process, *(worker.process for worker in self.workers)):
            kin |= family(process.pid)
            process.send_signal(signal.SIGTERM)
        for process in (self.process, *(worker.process for worker in self.workers)):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return kin

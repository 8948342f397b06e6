"""Reads the attacks of tests/museum/attacks, and judges each of them as an evaluator would.

`NAME/` holds the files of a bundle, or attack.py, which makes them or the archive; and expected.toml:

    group     what it belongs to
    what      a sentence
    verdict   the reason of its failure; or how it is judged: "accepted" (it does no harm), "scored",
              "rejected", "unlearned"
    judged    "read": as far as the bundle is read; "quick": octaves only; "full"; "fit": one fit, measured on
              points held out; "twice": octaves, in two sandboxes, one after the other
    other_figures     it is scored, and differently from the honest model
    works_unconfined  without a sandbox it does what it wants to: so that it is known to be an attack
    needs     "filter", "cgroup": part of the sandbox that not every machine has
    slow      it takes more than three seconds, or resembles another
    unmounted true: without namespaces something else than them has to hold it, so it is quick there too
    [limits]  where they differ from those below
    [landlock]        `verdict` and others of these where Landlock judges, if they differ; `why`

What a source looks for on the host it finds by the words SEARCHED, PORT_OF_HOST and ABSTRACT_OF_HOST, which
are replaced.
"""

import contextlib
import dataclasses
import importlib.util
import io
import os
import socket
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from challenge.bundle.reader import read_bundle
from challenge.results.verdicts import EvaluationError
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from challenge.training.refit import Budget
from evaluator import answers
from evaluator.assignment import Assignment
from evaluator.judge import judge
from evaluator.plan import EvaluationPlan
from evaluator.sandbox.limits import Limits

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "tests" / "museum" / "attacks"
SIZE = EvaluationSize(chains=2, octaves=4, points=64)
# How many times slower than usual this machine is, where it is an emulated one.
SLOWER = float(os.environ.get("MBC_TEST_SLOWER", "1"))
LIMITS = Limits(
    memory_bytes=4 << 30,
    tmp_bytes=8 << 20,
    file_bytes=4 << 20,
    output_bytes=64 << 10,
    start_seconds=60.0 * SLOWER,
    load_seconds=30.0 * SLOWER,
    request_seconds=30.0 * SLOWER,
    fit_seconds=30.0 * SLOWER,
    total_seconds=120.0 * SLOWER,
    cpu_seconds=int(120 * SLOWER),
    threads=1,
)
MODEL = b"from torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"
MANIFEST = b'api = 1\nname = "one"\nauthor = "Ada"\ndescription = "A test."\n'
WEIGHTS = {"weight": torch.tensor([[0.25, -0.5]]), "bias": torch.tensor([0.5])}
HONEST = {"submission.toml": MANIFEST, "model.py": MODEL, "weights.safetensors": save(WEIGHTS)}


@dataclasses.dataclass(frozen=True)
class Attack:
    """A directory of the museum."""

    name: str
    group: str
    what: str
    verdict: str
    judged: str
    other_figures: bool = False
    works_unconfined: bool = False
    needs: str = ""
    slow: bool = False
    unmounted: bool = False
    limits: Limits = LIMITS
    landlock: dict = dataclasses.field(default_factory=dict)

    def under(self, provider):
        """What is expected of it under a provider, "bubblewrap" or "landlock"."""
        differs = {key: value for key, value in self.landlock.items() if key != "why"}
        return dataclasses.replace(self, **differs) if provider == "landlock" else self

    def archive(self, host):
        """Bytes of the archive that is handed in; `host` has what it looks for, by word."""
        folder = FOLDER / self.name
        files = dict(HONEST)
        if (folder / "attack.py").exists():
            spec = importlib.util.spec_from_file_location(f"attack_{self.name}", folder / "attack.py")
            made = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(made)
            if hasattr(made, "archive"):
                return made.archive(files)
            files = made.archive_files(files)
        for path in folder.glob("*.py"):
            if path.name != "attack.py":
                source = path.read_text()
                for word, value in host.items():
                    source = source.replace(word, value)
                files[path.name] = source.encode()
        return pack(files)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How an attack ended: its verdict, what everybody is told, and its own words."""

    verdict: str
    sentence: str = ""
    private: str = ""
    figures: tuple = ()


class Nobody:
    """Watches nothing."""

    def status(self, *_told):
        pass

    picture = evidence = status


class Waiting:
    """Sandboxes that were started already, for the one bundle that is judged in them."""

    def __init__(self, sandbox, bundle, limits=LIMITS):
        self.name, self.describe, self.unsealed = sandbox.name, sandbox.describe, sandbox.unsealed
        self._sessions = [
            sandbox.start(bundle, limits=limits, device="cpu") for _ in range(answers.PREDICTING_SANDBOXES)
        ]
        self._next = iter(self._sessions)

    def start(self, _bundle, **_rest):
        return next(self._next)

    def end(self):
        for session in self._sessions:
            session.__exit__(None, None, None)


def attacks():
    """Every attack, by name."""
    found = []
    for path in sorted(FOLDER.glob("*/expected.toml")):
        values = tomllib.loads(path.read_text())
        values["limits"] = dataclasses.replace(LIMITS, **values.get("limits", {}))
        found.append(Attack(name=path.parent.name, **values))
    return found


def pack(files):
    """An archive of the files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def read(content, folder):
    """The bundle of an archive's bytes, written into the folder first."""
    path = Path(folder) / "bundle.zip"
    path.write_bytes(content)
    return read_bundle(path)


def run(attack, sandbox, folder, host):
    """Judge an attack as far as it goes."""
    try:
        bundle = read(attack.archive(host), folder)
        if attack.judged == "read":
            return Outcome("accepted")
        if attack.judged == "fit":
            return _fit(bundle, sandbox, attack.limits)
        outcome = score(bundle, sandbox, attack.limits, quick=attack.judged != "full")
        if attack.judged == "twice":
            outcome = score(bundle, sandbox, attack.limits)
    except EvaluationError as error:
        return Outcome(error.reason.value, error.sentence, error.private)
    return outcome


def score(bundle, sandbox, limits=LIMITS, *, quick=True):
    """The judge's own report, and the figures by which one is told from another."""
    plan = EvaluationPlan.open_track(SIZE, quick=quick, pictures=False)
    task = Assignment(bundle, PRACTICE, sandbox, plan, limits, device="cpu")
    report = judge(task, Nobody())
    verdict = "scored" if quick else report.verdict
    return Outcome(verdict, report.sentence, figures=(report.octaves, report.precision_db, *report.skill))


def _fit(bundle, sandbox, limits):
    """One fit, and whether it has learned anything, measured on points that it has not seen."""
    x = np.random.default_rng(1).uniform(-1, 1, (1200, 3))
    y = 0.5 + 0.2 * (x[:, :1] - x[:, 1:2])
    with sandbox.start(bundle, limits=limits, device="cpu") as session:
        session.build(3, 1, 0)
        session.fit(x[:1000], y[:1000], Budget(steps=1500, seconds=5.0), 0)
        left = session.predict(x[1000:]) - y[1000:]
    skill = 1 - np.square(left).mean() / y[1000:].var()
    return Outcome("learned" if skill > 0.8 else "unlearned", f"skill {skill:.3f}")


@contextlib.contextmanager
def host(folder):
    """What attacks look for on this machine, by the word that stands for it in their sources."""
    folder = Path(folder)
    folder.chmod(0o755)
    (folder / "marker").write_text("secret")
    places = [folder, REPOSITORY / "challenge", REPOSITORY / "submissions", Path.home(), Path("/var/lib")]
    name = f"mbc-museum-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield {
            "SEARCHED": ":".join(map(str, places)),
            "PORT_OF_HOST": str(server.getsockname()[1]),
            "ABSTRACT_OF_HOST": name,
        }

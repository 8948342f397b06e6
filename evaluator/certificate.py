"""The certificate: what controls and the twin find of a submission's code, kept for all entries with it.

Refits and the twin run in sandboxes that hold the submission's `*.py` and no weights. So their outcome
depends on the code, the season, the platform's trainer, the device class and torch alone, and is kept under a
digest of those.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import platformdirs
import torch

from challenge.bundle.reader import Bundle
from challenge.results.stages import Certificate
from challenge.scoring.season import Season
from challenge.util.atomic_files import atomic_write
from challenge.util.source_files import source_files
from evaluator.calibration import machine_class
from evaluator.parallel import AT_ONCE
from evaluator.plan import EvaluationPlan
from evaluator.probes import twin
from evaluator.probes.case import CodeCase, StartCode
from evaluator.universality import certify

# Files of other certificates that `mbc score` leaves on a disk.
_MOST_KEPT: Final = 64
# The modules whose code decides what a certificate says.
_MODULES: Final = ("challenge.controls", "challenge.training.refit", "challenge.targets.warp")
_HERE: Final = ("reference_network.py", "universality.py", "certificate.py", "probes/twin.py")


class CertificateStore(Protocol):
    """Where certificates are kept, by digest."""

    def find(self, digest: str) -> Certificate | None:
        """The certificate; None if there is none."""

    def keep(self, digest: str, certificate: Certificate) -> None:
        """Keep a certificate that was made here."""


def certificate_digest(bundle: Bundle, season: Season, plan: EvaluationPlan, device: str) -> str:
    """SHA-256 of everything that a certificate depends on.

    Args:
        bundle: its `*.py` alone counts.
        season: draws controls and warps.
        plan: which controls, and the effort of the twin.
        device: "auto", "cpu" or "cuda"; its class counts.
    """
    parts = [
        ("season", season.commitment),
        ("plan", repr((plan.families, plan.effort.warps, plan.effort.steps, twin.NAME in plan.probes))),
        ("device", machine_class(device)),
        ("torch", torch.__version__),
        ("evaluator", _own_code()),
        *((name, hashlib.sha256(content).hexdigest()) for name, content in sorted(bundle.sources.items())),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@cache
def _own_code() -> str:
    """Digest of the platform's code that decides what a certificate says, its trainer included."""
    digest = hashlib.sha256()
    for path in [*source_files(_MODULES), *(Path(__file__).parent / name for name in _HERE)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def find_certificate(store: CertificateStore, digest: str, make: Callable[[], Certificate]) -> Certificate:
    """The certificate that the store has under a digest; else what `make` returns, which is then stored."""
    found = store.find(digest)
    if found is None:
        found = make()
        store.keep(digest, found)
    return found


def make_certificate(
    start: StartCode,
    season: Season,
    plan: EvaluationPlan,
    progress: Callable[[float, str], None],
    at_once: int = AT_ONCE,
) -> Certificate:
    """Fit the controls and the twin.

    Args:
        start: opens a fresh sandbox with the submission's code and no weights.
        season: draws controls and warps.
        plan: which controls, and the effort of the twin.
        progress: called with the finished share and what is being fitted.
        at_once: sandboxes that run at the same time; the outcome does not depend on it.

    Raises:
        EvaluationError: the submission could not be judged.
    """
    certified = certify(start, season, lambda done, what: progress(0.8 * done, what), plan.families, at_once)
    outcomes = []
    if twin.NAME in plan.probes:
        progress(0.8, f"probing: {twin.NAME}")
        outcomes.append(twin.run_code(CodeCase(season, start, plan.effort, at_once)))
    return Certificate(
        universality=certified.result,
        probes=tuple(one.result for one in outcomes),
        controls=certified.shown,
        plots=tuple(one.plot for one in outcomes),
    )


@dataclass(frozen=True)
class DiskStore:
    """Certificates of the public practice season, as files below the user's cache directory."""

    folder: Path

    @classmethod
    def of_user(cls) -> "DiskStore":
        """The store in the user's cache directory."""
        return cls(platformdirs.user_cache_path("mbc") / "certificates")

    def find(self, digest: str) -> Certificate | None:
        """The certificate; None if there is none that can be read."""
        try:
            return Certificate.from_dict(json.loads(self._path(digest).read_bytes()))
        except (OSError, ValueError):
            return None

    def keep(self, digest: str, certificate: Certificate) -> None:
        """Write it, and remove the oldest of very many; a cache that cannot be written stays as it is."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._path(digest)) as partial:
                partial.write_text(json.dumps(certificate.to_dict(), allow_nan=False), encoding="utf-8")
            files = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
            for old in files[_MOST_KEPT:]:
                old.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"


class NoStore:
    """Keeps nothing."""

    def find(self, digest: str) -> None:
        """There is none."""

    def keep(self, digest: str, certificate: Certificate) -> None:
        """It is forgotten."""

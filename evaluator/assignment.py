"""What is judged on the open track: a bundle, its season and plan, and the sandbox that it runs in."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from challenge.bundle.reader import Bundle
from challenge.scoring.season import Season
from evaluator import probes
from evaluator.certificate import CertificateStore, NoStore
from evaluator.plan import EvaluationPlan
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session
from evaluator.wall_limit import WallLimit


@dataclass(frozen=True)
class Assignment:
    """What is judged, on what season, how thoroughly, and where.

    Every sandbox has one thread: small networks gain nothing from a second one, figures do not depend on the
    number of cores, and several run at the same time. All of them get the same limits.

    Attributes:
        store: where certificates are kept.
        front: bytes and octaves of what was learned while somebody watched, besides the references.
    """

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    plan: EvaluationPlan = field(default_factory=EvaluationPlan.open_track)
    limits: Limits = field(default_factory=Limits.from_environment)
    device: str = "auto"
    store: CertificateStore = field(default_factory=NoStore)
    front: probes.Front = ()

    def start(self, bundle: Bundle, wall: WallLimit) -> AbstractContextManager[Session]:
        """A fresh sandbox with one thread."""
        limits = wall.apply(self.limits.in_one_thread())
        return self.sandbox.start(bundle, limits=limits, device=self.device)

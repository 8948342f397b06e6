"""What every sandbox offers: the one thing that the judge knows of it."""

from typing import Protocol

from challenge.bundle.reader import Bundle
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session


class Sandbox(Protocol):
    """A place where a submission's code runs."""

    @property
    def name(self) -> str:
        """What stands in reports."""

    @property
    def unsealed(self) -> str:
        """Why two sandboxes could talk to each other through the host's files; "" where they cannot."""

    def describe(self, limits: Limits | None = None) -> dict[str, str]:
        """What is in force here, for people; with the limits of the environment where none are given."""

    def start(self, bundle: Bundle, *, limits: Limits, device: str = "auto") -> Session:
        """A fresh process for the bundle; nothing of it runs before the session is entered.

        Args:
            bundle: what is to be run.
            limits: what it may take.
            device: "auto", "cpu" or "cuda".
        """

"""What would make a model that scores almost nothing resolve more: another frame of its inputs or outputs."""

from pydantic.dataclasses import dataclass

from challenge.scoring.frames import known_frames
from challenge.util.validation import STRICT


@dataclass(config=STRICT, frozen=True)
class FrameSuggestion:
    """A frame in which the model does better on a few thousand points of the practice season.

    Attributes:
        window: name of the known frame that its inputs seem to come from; "" for ours.
        inverted: whether 1 - output does better.
        recoloured: whether only another scale of the outputs makes it fit.
        octaves: what it resolves then.
        before: what it resolves as it is, on the same points.
    """

    window: str
    inverted: bool
    recoloured: bool
    octaves: float
    before: float

    @property
    def command(self) -> str:
        """The command that makes the change, for a submission in DIR; "" where only training does."""
        return self._command("DIR")

    def sentence(self, path: str = "DIR") -> str:
        """What was found, and the command or the change that mends it.

        Args:
            path: of the submission, for the command.
        """
        return self.finding + (f" Run: {command}" if (command := self._command(path)) else "")

    @property
    def finding(self) -> str:
        """What was found, without the command."""
        changes = []
        frame = known_frames().get(self.window)
        if frame is not None:
            changes.append(f"its inputs mapped to {frame.describe()}")
        if self.inverted:
            changes.append("its outputs inverted")
        if self.recoloured:
            changes.append("its outputs on another scale (the target is m / (m + 50), and 1 inside)")
        gain = f"{self.octaves:.1f} octaves, not {self.before:.1f}"
        what = f"With {' and '.join(changes)}, it would resolve {gain}."
        return f"{what} Train it on the target's own scale for the rest." if self.recoloured else what

    def _command(self, path: str) -> str:
        flags = [*([f"--window {self.window}"] if self.window else []), *(["--invert"] * self.inverted)]
        return f"mbc adapt {path} {' '.join(flags)}" if flags else ""

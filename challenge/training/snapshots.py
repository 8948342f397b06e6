"""Pictures of the whole set at stages of a training: DIR/frames/000.png, 001.png, ..."""

import bisect
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from torch import nn

from challenge.imaging.pictures import downsample, png_bytes, value_image, view_scale
from challenge.mandelbrot.coordinates import CENTRE, View, to_unit
from challenge.mandelbrot.target import target
from challenge.training.local_model import predict

# Shares of the training at which a frame is drawn: at the start, then spaced by the logarithm of the step,
# because learning is fast at first.
SNAPSHOT_SHARES: Final = (0.0, *np.geomspace(0.002, 1.0, 63).tolist())
# Where drawing all of them would take more than this share of the training, every second, third ... is drawn.
DRAWING_SHARE: Final = 0.15
# Eight frames at the least.
WIDEST_STRIDE: Final = 8
FRAME_PIXELS: Final = 160
FRAME_VIEW: Final = View(CENTRE, 0.5)
# Frames of an earlier training are moved there.
EARLIER: Final = "frames.earlier"


class SnapshotWriter:
    """Draws the frames of one training.

    Args:
        directory: the submission's. Existing pictures in its frames/ are moved to frames.earlier/.
        done: number of frames drawn before this training was interrupted; they are kept.
        share: of the training that was done by then.
        drawing: share of the time that drawing may take.
    """

    def __init__(
        self, directory: Path, done: int = 0, share: float = 0.0, drawing: float = DRAWING_SHARE
    ) -> None:
        self.directory = directory / "frames"
        self.directory.mkdir(exist_ok=True)
        self.count = done
        self._first = done
        self._drawing = drawing
        self._passed = bisect.bisect_right(SNAPSHOT_SHARES, share) if done else 0
        self._spent = 0.0
        for old in sorted(self.directory.glob("*.png")):
            if not (old.stem.isdigit() and int(old.stem) < done):
                earlier = directory / EARLIER
                earlier.mkdir(exist_ok=True)
                old.replace(earlier / old.name)
        points = FRAME_VIEW.grid(FRAME_PIXELS * 2)
        self._scale = view_scale(target(points))
        self._x = to_unit(points)

    def due(self, done: float, seconds: float) -> bool:
        """Whether a frame should be drawn now.

        Args:
            done: share of the training.
            seconds: of training so far.
        """
        passed = bisect.bisect_right(SNAPSHOT_SHARES, done)
        if passed == self._passed:
            return False
        self._passed = passed
        return done in (0.0, 1.0) or passed % self._stride(seconds / done) == 0

    def _stride(self, whole: float) -> int:
        """Every how many of the frames can be drawn in a training that takes `whole` seconds."""
        drawn = max(1, self.count - self._first)
        wanted = len(SNAPSHOT_SHARES) * self._spent / drawn
        return max(1, min(WIDEST_STRIDE, math.ceil(wanted / max(self._drawing * whole, 1e-9))))

    def draw(self, model: nn.Module, describe: Callable[[], Mapping[str, str]]) -> None:
        """Draw the next frame.

        Args:
            model: in eval mode.
            describe: says what is known of this moment; kept in the file.
        """
        began = time.monotonic()
        picture = downsample(value_image(predict(model, self._x), self._scale), 2)
        path = self.directory / f"{self.count:03}.png"
        path.write_bytes(png_bytes(picture, colours=128, texts=describe()))
        self.count += 1
        self._spent += time.monotonic() - began

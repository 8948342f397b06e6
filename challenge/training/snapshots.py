"""Pictures of the whole set at stages of a training: DIR/frames/000.png, 001.png, ..."""

from pathlib import Path
from typing import Final

from torch import nn

from challenge.imaging.pictures import downsample, png_bytes, value_image, view_scale
from challenge.mandelbrot.coordinates import CENTRE, View, to_unit
from challenge.mandelbrot.target import target
from challenge.training.local_model import predict

# Shares of the training at which a frame is drawn; denser at the start, where learning is fast.
SNAPSHOT_SHARES: Final = (0.0, 0.01, 0.03, 0.08, 0.18, 0.4, 0.7, 1.0)
FRAME_PIXELS: Final = 160
FRAME_VIEW: Final = View(CENTRE, 0.5)
# Frames of an earlier training are moved there.
EARLIER: Final = "frames.earlier"


class SnapshotWriter:
    """Draws the frames of one training.

    Args:
        directory: the submission's. Existing pictures in its frames/ are moved to frames.earlier/.
        done: number of frames drawn before this training was interrupted; they are kept.
    """

    def __init__(self, directory: Path, done: int = 0) -> None:
        self.directory = directory / "frames"
        self.directory.mkdir(exist_ok=True)
        self.count = done
        for old in sorted(self.directory.glob("*.png")):
            if not (old.stem.isdigit() and int(old.stem) < done):
                earlier = directory / EARLIER
                earlier.mkdir(exist_ok=True)
                old.replace(earlier / old.name)
        points = FRAME_VIEW.grid(FRAME_PIXELS * 2)
        self._scale = view_scale(target(points))
        self._x = to_unit(points)

    def due(self, done: float) -> bool:
        """Whether the next frame should be drawn at share `done` of the training."""
        return self.count < len(SNAPSHOT_SHARES) and done >= SNAPSHOT_SHARES[self.count]

    def draw(self, model: nn.Module) -> None:
        """Draw the next frame."""
        picture = downsample(value_image(predict(model, self._x), self._scale), 2)
        (self.directory / f"{self.count:03}.png").write_bytes(png_bytes(picture, colours=128))
        self.count += 1

"""Pictures of the whole set as a model learned it: DIR/frames/000.png and on."""

from pathlib import Path
from typing import Final

from torch import nn

from challenge.imaging.pictures import image, png_bytes, shrink, view_scale
from challenge.mandelbrot.coordinates import CENTRE, View, to_unit
from challenge.mandelbrot.target import target
from challenge.training.local_model import predict

# Shares of the training after which a frame is made: learning is fast at first.
FRAMES: Final = (0.0, 0.01, 0.03, 0.08, 0.18, 0.4, 0.7, 1.0)
FRAME_PIXELS: Final = 160
FRAME_VIEW: Final = View(CENTRE, 0.5)
# Where the pictures of an earlier training go.
EARLIER: Final = "frames.earlier"


class Frames:
    """Draws the frames of one training.

    Args:
        directory: the submission's. Pictures that lie in its frames/ are moved to frames.earlier/.
        done: frames of this training that were made before it was interrupted; they stay where they are.
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
        """Whether the next one's share of the training has been reached."""
        return self.count < len(FRAMES) and done >= FRAMES[self.count]

    def draw(self, model: nn.Module) -> None:
        """Make the next frame."""
        picture = shrink(image(predict(model, self._x), self._scale), 2)
        (self.directory / f"{self.count:03}.png").write_bytes(png_bytes(picture, colours=128))
        self.count += 1

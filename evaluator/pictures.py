"""Pictures of the public places: what a model makes of them, and where it is wrong."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.imaging.pictures import error_image, model_image, png_bytes, truth_values
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.verdicts import Status
from challenge.scoring.places import Place
from evaluator.parallel import AT_ONCE, run_parallel
from evaluator.sandbox.session import Session
from evaluator.watch import Watch

Array = NDArray[np.float64]

PICTURE_PIXELS: Final = 128
# Pictures go on this far below a model's depth, to show how its detail ends.
PICTURE_OCTAVES_BELOW: Final = 3


def draw_pictures(
    start: Callable[[], AbstractContextManager[Session]], places: Sequence[Place], depth: float, watch: Watch
) -> None:
    """Draw the model's picture and its error at each place, down to a little below its depth.

    Args:
        start: opens a sandbox with the submission; as many are open as run at the same time.
        places: of the season.
        depth: the deepest octave that the model resolves.
        watch: receives pictures of PICTURE_PIXELS x PICTURE_PIXELS as PNG.

    Raises:
        EvaluationError: the model does not load or does not answer.
    """
    deepest = math.ceil(depth) + PICTURE_OCTAVES_BELOW
    views = [(place, octave) for place in places for octave in place.octaves if octave <= deepest]
    watch.status(Status.RENDERING, 0.9, f"drawing {len(views)} views")
    jobs = [partial(_draw, start, views[part::AT_ONCE]) for part in range(min(AT_ONCE, len(views)))]
    for drawn in run_parallel(jobs):
        for name, png in drawn:
            watch.picture(name, png)


def _draw(
    start: Callable[[], AbstractContextManager[Session]], views: Sequence[tuple[Place, int]]
) -> list[tuple[str, bytes]]:
    """Names and contents of the pictures of these views (place, octave)."""
    drawn = []
    with start() as session:
        session.load()
        for place, octave in views:
            truth = _truth(place, octave)
            prediction = session.predict(to_unit(place.view(octave).grid(PICTURE_PIXELS)))[:, 0]
            name = f"{place.slug}/{octave:02d}"
            drawn.append((f"{name}/model.png", png_bytes(model_image(truth, prediction))))
            drawn.append((f"{name}/error.png", png_bytes(error_image(truth, prediction))))
    return drawn


@lru_cache(maxsize=128)
def _truth(place: Place, octave: int) -> Array:
    # 128 KiB each, and the same for every submission.
    return truth_values(place, octave, PICTURE_PIXELS)

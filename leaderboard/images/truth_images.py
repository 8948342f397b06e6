"""Images of the target at the public places: drawn once, then stored."""

import threading
from pathlib import Path

from challenge.scoring.places import PLACES, Place, find_place
from leaderboard.config import Config
from leaderboard.errors import not_found
from leaderboard.files import write_file


class TruthImages:
    """Draws one image at a time, so that visitors never occupy more than one core."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._drawing = threading.Lock()

    def path(self, slug: str, octave: int) -> Path:
        """The image's file, drawn first if needed; Refused with 404 for an unknown view."""
        place = self._place(slug, octave)
        side = self._config.truth_pixels
        path = self._config.data / "truth" / str(side) / slug / f"{octave:02d}.png"
        if not path.exists():
            with self._drawing:
                # Check again after the lock is held: another request may have drawn it.
                if not path.exists():
                    write_file(path, _draw(place, octave, side))
        return path

    @staticmethod
    def _place(slug: str, octave: int) -> Place:
        try:
            place = find_place(slug, PLACES)
        except KeyError:
            raise not_found("place") from None
        if octave not in place.octaves:
            raise not_found("view")
        return place


def _draw(place: Place, octave: int, pixels: int) -> bytes:
    # Compiled numerics take a second to load, and most requests do not need them.
    from challenge.imaging.pictures import png_bytes, truth_image  # noqa: PLC0415

    return png_bytes(truth_image(place, octave, pixels), 256)

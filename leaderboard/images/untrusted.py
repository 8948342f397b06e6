"""Pictures from strangers: decoded, and written anew."""

import io
from typing import Final

from PIL import Image, UnidentifiedImageError

from leaderboard.errors import Refused

BYTES_LIMIT: Final = 4 * 1024 * 1024
PIXELS_LIMIT: Final = 1024


def rewrite(content: bytes) -> bytes:
    """A PNG, decoded and written anew, so that nothing but its pixels is kept; Refused with 422."""
    if len(content) > BYTES_LIMIT:
        raise Refused(413, "artifact_large", f"A picture has at most {BYTES_LIMIT:,} bytes.")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if max(picture.size) > PIXELS_LIMIT:
                raise Refused(
                    422, "artifact_size", f"A picture is at most {PIXELS_LIMIT} pixels wide and high."
                )
            picture.load()
            # A palette keeps the file small; anything else becomes plain colours.
            clean = picture if picture.mode == "P" else picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Refused(422, "artifact_invalid", "The picture is not a PNG that can be read.") from error
    clean.info = {}
    buffer = io.BytesIO()
    clean.save(buffer, "PNG")
    return buffer.getvalue()

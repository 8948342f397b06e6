"""The preview image of an entry on social sites: its deepest view, name and score."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from challenge.imaging.pictures import INTERIOR

WIDTH: Final = 1200
HEIGHT: Final = 630
_PICTURE: Final = 540
_PAD: Final = 60
_TEXT: Final = WIDTH - _PICTURE - 2 * _PAD
_SIZES: Final = (60, 52, 44, 36)
_INK, _SOFT, _EMBER = (238, 234, 247), (167, 159, 192), (240, 160, 113)
_SANS, _SERIF, _BOLD = "DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"


@dataclass(frozen=True)
class SocialCard:
    """The contents of the image."""

    name: str
    author: str
    figure: str
    unit: str
    line: str
    picture: bytes | None


def draw(card: SocialCard) -> bytes:
    """Draw the card as a PNG of 1200 x 630 pixels."""
    image = Image.new("RGB", (WIDTH, HEIGHT), INTERIOR)
    if card.picture is not None:
        with Image.open(io.BytesIO(card.picture), formats=["PNG"]) as view:
            square = view.convert("RGB").resize((HEIGHT, HEIGHT), Image.Resampling.BICUBIC)
        margin = (HEIGHT - _PICTURE) // 2
        image.paste(square.crop((margin, 0, margin + _PICTURE, HEIGHT)), (WIDTH - _PICTURE, 0))
    pen = ImageDraw.Draw(image)
    pen.text((_PAD, _PAD), "Mandelbrot challenge", _SOFT, font(_SANS, 26))
    size, lines = _name(card.name)
    top = _PAD + 62
    for line in lines:
        pen.text((_PAD, top), line, _INK, font(_BOLD, size))
        top += round(size * 1.2)
    pen.text((_PAD, top + 10), _cut(f"by {card.author}", font(_SANS, 28)), _SOFT, font(_SANS, 28))
    figure, foot = font(_BOLD, 104), HEIGHT - 108
    pen.text((_PAD, foot), card.figure, _EMBER, figure, anchor="ls")
    after = _PAD + figure.getlength(card.figure) + 20
    pen.text((after, foot), card.unit, _INK, font(_SERIF, 38), anchor="ls")
    pen.text((_PAD, HEIGHT - _PAD), _cut(card.line, font(_SANS, 26)), _SOFT, font(_SANS, 26), anchor="ls")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _name(text: str) -> tuple[int, list[str]]:
    """The largest font size at which a name fits into two lines, and the lines; cut where none does."""
    for size in _SIZES:
        lines = _lines(text, font(_BOLD, size), 2)
        if " ".join(lines) == " ".join(text.split()):
            break
    return size, lines


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that matplotlib ships, so that a server needs no fonts installed."""
    from matplotlib import get_data_path  # noqa: PLC0415 - takes half a second, and only cards need it

    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / name, size)


def _lines(text: str, face: ImageFont.FreeTypeFont, most: int) -> list[str]:
    """The text in at most `most` lines that fit beside the image; the last one is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and face.getlength(longer) > _TEXT and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = longer
    return [_cut(line, face) for line in lines]


def _cut(text: str, face: ImageFont.FreeTypeFont) -> str:
    if face.getlength(text) <= _TEXT:
        return text
    while text and face.getlength(f"{text}…") > _TEXT:
        text = text[:-1]
    return f"{text.rstrip()}…"

"""Text in any of the kiosk's scripts: measured, fitted, drawn.

OpenCV's built-in fonts draw Latin, Greek, Cyrillic, Chinese, Japanese and Korean, but neither join Arabic letters nor
run from right to left. Those scripts are shaped, reordered and drawn with Pillow and a font that has their forms.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.domain.frame import Image
from monitor.outputs.overlay import put_text, text_width_px
from monitor.outputs.style import Bgr

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONTS = Path(__file__).with_name("fonts")
BOLD, MEDIUM = 700, 500

#: A text that fits on one line only below this share of the intended size is set in two lines.
_SHRINK = 0.8


#: The first character of East Asian scripts in Unicode.
_ONE_WEIGHT = "\u2e80"


class Lettering(Protocol):
    """Measures and draws text."""

    def width_px(self, text: str, size: int, weight: int) -> int:
        """Return the width of a text in pixels."""

    def put(self, canvas: Image, text: str, left_middle: tuple[int, int], size: int, ink: Bgr, weight: int) -> None:
        """Draw a text on a canvas (H x W x 3, uint8, BGR), with its left end and middle line at (x, y) in pixels."""


class OpenCvLettering:
    """Left to right, with OpenCV's fonts."""

    def width_px(self, text: str, size: int, weight: int) -> int:
        """Return the width of a text in pixels."""
        return text_width_px(text, size, weight)

    def put(self, canvas: Image, text: str, left_middle: tuple[int, int], size: int, ink: Bgr, weight: int) -> None:
        """Draw a text; bold text in a script with one font weight is drawn three times with a small offset."""
        x, y = left_middle
        put_text(canvas, text, left_middle, size, ink, weight)
        if weight >= BOLD and max(text) >= _ONE_WEIGHT:
            for nudge in (-1, 1):
                put_text(canvas, text, (x + nudge * max(1, round(0.018 * size)), y), size, ink, weight)


class PillowLettering:
    """Right to left, with DejaVu Sans Bold, whatever the weight."""

    def width_px(self, text: str, size: int, weight: int) -> int:
        """Return the width of a text in pixels."""
        return int(_stamp(text, size).shape[1])

    def put(self, canvas: Image, text: str, left_middle: tuple[int, int], size: int, ink: Bgr, weight: int) -> None:
        """Draw a text; parts outside the canvas are cut off."""
        stamp = _stamp(text, size)
        height, width = stamp.shape[:2]
        left, top = left_middle[0], left_middle[1] - height // 2
        x1, y1 = max(0, left), max(0, top)
        x2, y2 = min(canvas.shape[1], left + width), min(canvas.shape[0], top + height)
        if x1 >= x2 or y1 >= y2:
            return
        cover = stamp[y1 - top : y2 - top, x1 - left : x2 - left, np.newaxis]
        place = canvas[y1:y2, x1:x2]
        place[...] = (place * (1 - cover) + np.array(ink, np.float32) * cover + 0.5).astype(np.uint8)


def lettering_for(direction: Literal["ltr", "rtl"]) -> Lettering:
    """Return the lettering for a direction of writing."""
    return PillowLettering() if direction == "rtl" else OpenCvLettering()


@dataclass(frozen=True, slots=True)
class Setting:
    """A text broken into lines at a size."""

    lines: tuple[str, ...]
    size: int

    @property
    def height_px(self) -> int:
        """The height of all lines in pixels."""
        return round(len(self.lines) * self.size * 1.15)


def fit(lettering: Lettering, text: str, width_px: int, size: int, weight: int, most_lines: int = 2) -> Setting:
    """Return the text on one line, or on two if that allows a clearly larger size, within `size` and `width_px`."""
    one = Setting((text,), _largest(lettering, (text,), width_px, size, weight))
    if one.size >= _SHRINK * size or most_lines == 1:
        return one
    words = text.split(" ")
    breaks = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    twos = [Setting(lines, _largest(lettering, lines, width_px, size, weight)) for lines in breaks]
    best = max(twos, key=lambda two: (two.size, -_raggedness(two.lines)), default=one)
    return best if best.size > one.size else one


def put_lines(
    canvas: Image, lettering: Lettering, setting: Setting, centre_x: int, top: int, ink: Bgr, weight: int
) -> None:
    """Draw lines one below the other, each centred on `centre_x`, on a BGR canvas, in place."""
    step = setting.height_px / len(setting.lines)
    for number, line in enumerate(setting.lines):
        width = lettering.width_px(line, setting.size, weight)
        middle = round(top + (number + 0.5) * step)
        lettering.put(canvas, line, (centre_x - width // 2, middle), setting.size, ink, weight)


def _largest(lettering: Lettering, lines: tuple[str, ...], width_px: int, size: int, weight: int) -> int:
    widest = max(lettering.width_px(line, size, weight) for line in lines)
    if widest > width_px:
        size = max(1, size * width_px // widest)
        while size > 1 and max(lettering.width_px(line, size, weight) for line in lines) > width_px:
            size -= 1  # glyphs are rounded to whole pixels
    return size


def _raggedness(lines: tuple[str, ...]) -> int:
    return abs(len(lines[0]) - len(lines[-1]))


@lru_cache(maxsize=16)
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    # The basic layout: shaping is done below, with or without the shaping library that Pillow may find.
    return ImageFont.truetype(FONTS / "DejaVuSans-Bold.ttf", size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=64)
def _stamp(text: str, size: int) -> NDArray[np.float32]:
    """Return a text as coverage: H x W, float32, 0..1, its middle line in the middle."""
    import arabic_reshaper
    from bidi import get_display
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    shown = get_display(arabic_reshaper.reshape(text), base_dir="R")
    assert isinstance(shown, str)
    font = _font(max(1, round(size * 0.92)))  # as high as OpenCV's capitals
    width = max(1, round(font.getlength(shown)))
    height = 2 * size
    page = PillowImage.new("L", (width, height))
    ImageDraw.Draw(page).text((0, round(height / 2 + size * 0.31)), shown, fill=255, font=font, anchor="ls")
    stamp = np.asarray(page, np.float32) / np.float32(255)
    stamp.setflags(write=False)
    return stamp

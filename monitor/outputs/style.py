"""The appearance of each state: colour, outline and words, so that states differ in more than their colour."""

from dataclasses import dataclass
from enum import Enum, auto

from monitor.domain.detection import MaskState

#: A colour in OpenCV's order: blue, green, red, each 0..255.
Bgr = tuple[int, int, int]

WHITE: Bgr = (255, 255, 255)
BLACK: Bgr = (0, 0, 0)
STALE: Bgr = (128, 128, 128)


class Outline(Enum):
    """How a box is drawn."""

    SOLID = auto()
    DOUBLE = auto()
    DASHED = auto()
    CORNERS = auto()


@dataclass(frozen=True, slots=True)
class StateStyle:
    """The appearance of one state; `ink` is the text colour on `colour`."""

    colour: Bgr
    ink: Bgr
    outline: Outline
    words: str


#: Colours from Okabe & Ito's palette for the colour-blind (2008): bluish green, vermillion, yellow, grey.
STYLES = {
    MaskState.WITH_MASK: StateStyle((115, 158, 0), WHITE, Outline.SOLID, "Mask"),
    MaskState.WITHOUT_MASK: StateStyle((0, 94, 213), WHITE, Outline.DOUBLE, "No mask"),
    MaskState.INCORRECT: StateStyle((66, 228, 240), BLACK, Outline.DASHED, "Worn incorrectly"),
    MaskState.UNKNOWN: StateStyle((170, 170, 170), BLACK, Outline.CORNERS, "Unknown"),
}


def css(colour: Bgr) -> str:
    """Return the colour as `#rrggbb`."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"

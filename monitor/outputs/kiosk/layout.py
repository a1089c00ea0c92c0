"""The layout of a screen of any size (pure)."""

from dataclasses import dataclass

#: The largest share of a wide screen's sides, and of a high screen's height, that the picture takes.
_WIDE_SHARE, _HIGH_SHARE = 0.655, 0.46


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in whole pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """One past the last column."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """One past the last row."""
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Layout:
    """The areas of the picture, the pictogram (a square) and the texts; sizes of texts and margins in pixels."""

    picture: Area
    sign: Area
    words: Area
    headline_px: int
    line_px: int
    margin_px: int


def lay_out(width: int, height: int, picture_width: int, picture_height: int) -> Layout:
    """Return the layout of a screen for a picture of some size, whose proportions are kept; all in pixels.

    On a wide screen the pictogram is next to the picture, with the texts below; on a high one all are in one column.
    """
    if width >= height:
        return _wide(width, height, picture_width / picture_height)
    return _high(width, height, picture_width / picture_height)


def _wide(width: int, height: int, ratio: float) -> Layout:
    unit = min(height, width * 9 / 16)
    margin = max(1, round(0.03 * unit))
    shown_width, shown_height = _fitted(ratio, width * _WIDE_SHARE, height * _WIDE_SHARE)
    sign = max(1, round(min(shown_height, width - shown_width - 3 * margin)))
    headline, line = round(0.145 * unit), round(0.062 * unit)
    words_height = round(1.3 * headline + 1.3 * line)
    spare = max(0, height - shown_height - words_height - 2 * margin)
    left = max(0, (width - shown_width - margin - sign) // 2)
    top = min(height - shown_height, margin + spare // 3)
    picture = Area(left, top, shown_width, shown_height)
    words_top = min(height - 1, picture.bottom + margin // 2)
    return Layout(
        picture=picture,
        sign=Area(picture.right + margin, top + (shown_height - sign) // 2, sign, sign),
        words=Area(margin, words_top, max(1, width - 2 * margin), max(1, height - words_top - margin // 2)),
        headline_px=max(1, headline),
        line_px=max(1, line),
        margin_px=margin,
    )


def _high(width: int, height: int, ratio: float) -> Layout:
    unit = min(width, height * 9 / 16)
    margin = max(1, round(0.03 * unit))
    shown_width, shown_height = _fitted(ratio, width - 2 * margin, height * _HIGH_SHARE)
    headline, line = round(0.16 * unit), round(0.066 * unit)
    words_height = round(2.4 * headline + 2.4 * line)
    sign = max(1, round(min(0.9 * width, height - shown_height - words_height - 4 * margin)))
    picture = Area((width - shown_width) // 2, min(margin, height - shown_height), shown_width, shown_height)
    spare = max(0, height - picture.bottom - sign - words_height - 2 * margin)
    sign_top = min(height - sign, picture.bottom + margin + spare // 3)
    words_top = min(height - 1, sign_top + sign + margin // 2)
    return Layout(
        picture=picture,
        sign=Area((width - sign) // 2, max(0, sign_top), sign, sign),
        words=Area(margin, words_top, max(1, width - 2 * margin), max(1, height - words_top - margin)),
        headline_px=max(1, headline),
        line_px=max(1, line),
        margin_px=margin,
    )


def _fitted(ratio: float, most_width: float, most_height: float) -> tuple[int, int]:
    width = min(most_width, most_height * ratio)
    return max(1, round(width)), max(1, round(width / ratio))

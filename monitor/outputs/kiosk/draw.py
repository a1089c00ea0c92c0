"""Draws the kiosk's screen from a verdict, a picture and texts; pure except for a cache."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.track import Analysis, Track
from monitor.evidence.snapshot import hide_faces
from monitor.outputs.kiosk.layout import Area, Layout, lay_out
from monitor.outputs.kiosk.lettering import BOLD, MEDIUM, fit, lettering_for, put_lines
from monitor.outputs.kiosk.pictograms import PAINTS, pictogram
from monitor.outputs.kiosk.texts import Wording
from monitor.outputs.overlay import draw_box, draw_label, put_text, text_height_px, text_width_px
from monitor.outputs.style import BLACK, STYLES, WHITE, Bgr
from monitor.rules.kiosk import Ruling, Verdict

#: The proportions of the picture's area before the first picture.
_NO_PICTURE = (16, 9)

_PLATE: Bgr = (40, 32, 26)


@dataclass(frozen=True, slots=True)
class View:
    """The content of one screen; `age_s` is the picture's age now, `notice` a short reply to a key press.

    `private` hides every face except that of a person with a violating verdict; saved screens are private.
    """

    ruling: Ruling
    analysis: Analysis | None
    camera: str
    age_s: float
    notice: str = ""
    private: bool = False


def draw_screen(view: View, wording: Wording, width: int, height: int, mirror: bool = True) -> Image:
    """Return one screen, H x W x 3, uint8, BGR."""
    return Screen(mirror).draw(view, wording, width, height)


class Screen:
    """Draws screen after screen, and redraws only the picture while the verdict stays."""

    def __init__(self, mirror: bool) -> None:
        self._mirror = mirror
        self._key: object = None
        self._canvas: Image = np.zeros((1, 1, 3), np.uint8)

    def draw(self, view: View, wording: Wording, width: int, height: int) -> Image:
        """Return the screen (H x W x 3, uint8, BGR), valid until the next call, which reuses its memory."""
        shape = _NO_PICTURE if view.analysis is None else view.analysis.frame.image.shape[1::-1]
        layout = lay_out(width, height, *shape)
        verdict = view.ruling.verdict
        key = (verdict, wording, width, height, shape)
        if key != self._key:
            self._canvas = _draw_verdict(verdict, wording, layout, width, height)
            self._key = key
        area = layout.picture
        place = self._canvas[area.top : area.bottom, area.left : area.right]
        if view.analysis is None:
            place[...] = _PLATE
        else:
            _draw_picture(place, view, view.analysis, self._mirror)
            _draw_age(place, view, wording)
        if view.notice:
            _draw_plate(place, view.notice, wording, round(1.5 * text_height_px(place)), at_top=True)
        _round_corners(place, max(1, layout.margin_px * 3 // 4), PAINTS[verdict].ground)
        return self._canvas

    def colour_at(self, x: int, y: int) -> Bgr:
        """Return the colour (B, G, R) of a pixel of the last screen, or of the nearest one on its edge."""
        row = self._canvas[min(y, self._canvas.shape[0] - 1)]
        blue, green, red = (int(value) for value in row[min(x, row.shape[0] - 1)])
        return blue, green, red


def _draw_verdict(verdict: Verdict, wording: Wording, layout: Layout, width: int, height: int) -> Image:
    paint, words, lettering = PAINTS[verdict], wording.of(verdict), lettering_for(wording.direction)
    canvas: Image = np.empty((height, width, 3), np.uint8)
    canvas[...] = paint.ground
    sign = pictogram(verdict, layout.sign.width)
    seen = canvas[layout.sign.top : layout.sign.bottom, layout.sign.left : layout.sign.right]
    seen[...] = sign[: seen.shape[0], : seen.shape[1]]
    area = layout.words
    headline = fit(lettering, words.headline, area.width, layout.headline_px, BOLD, _most_lines(area, layout))
    line = fit(lettering, words.line, area.width, layout.line_px, MEDIUM, _most_lines(area, layout))
    gap = round(0.15 * headline.size)
    top = area.top + max(0, area.height - headline.height_px - gap - line.height_px) // 2
    middle = area.left + area.width // 2
    put_lines(canvas, lettering, headline, middle, top, paint.ink, BOLD)
    put_lines(canvas, lettering, line, middle, top + headline.height_px + gap, paint.ink, MEDIUM)
    return canvas


def _most_lines(area: Area, layout: Layout) -> int:
    return 2 if area.height >= 2.3 * (layout.headline_px + layout.line_px) else 1


def _draw_picture(place: Image, view: View, analysis: Analysis, mirror: bool) -> None:
    image = analysis.frame.image
    if view.private:
        subject = view.ruling.person if view.ruling.verdict.violating else None
        image = hide_faces(image, [track.box for track in analysis.tracks if track.track_id != subject])
    height, width = image.shape[:2]
    shown = place.shape[1] / width
    if mirror and shown >= 1:
        image = cv2.flip(image, 1)  # type: ignore[assignment]
    size = (place.shape[1], place.shape[0])
    resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if shown > 0.6 else cv2.INTER_AREA)
    if mirror and shown < 1:
        resized = cv2.flip(resized, 1)
    grey = view.ruling.verdict.grey
    if grey:
        resized = cv2.cvtColor(cv2.cvtColor(resized, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        resized = cv2.convertScaleAbs(resized, alpha=0.55, beta=20)
    place[...] = resized
    if grey:
        return  # an outline in a grey picture would suggest a current analysis
    face = view.ruling.face
    for track in sorted(analysis.tracks, key=lambda track: track.box.area_px2):
        if face is None or track.track_id != face.track_id:
            _draw_person(place, track, _scaled(track.box, place, width, height, mirror))
    if face is not None:
        box = _scaled(face.box, place, width, height, mirror)
        _emphasise(place, box, STYLES[face.state].colour)
        _draw_person(place, face, box)


def _scaled(box: Box, place: Image, width: int, height: int, mirror: bool) -> Box:
    """Return a box of the camera's picture in pixels of the screen's picture area."""
    x, y = place.shape[1] / width, place.shape[0] / height
    left, right = (width - box.x2_px, width - box.x1_px) if mirror else (box.x1_px, box.x2_px)
    return Box(left * x, box.y1_px * y, right * x, box.y2_px * y)


def _draw_person(place: Image, track: Track, box: Box) -> None:
    style = STYLES[track.state]
    draw_box(place, box, style, style.colour)
    draw_label(place, box, track.state, "", style.colour)


def _emphasise(place: Image, box: Box, colour: Bgr) -> None:
    """Draw thick white corners around the face of the verdict."""
    wide = Box(*box.padded(0.09).clipped(place.shape[1] - 1, place.shape[0] - 1).as_ints())
    size = max(2, text_height_px(place) // 3)
    reach = round(0.2 * min(wide.width_px, wide.height_px))
    x1, y1, x2, y2 = wide.as_ints()
    for ink, line in ((BLACK, size + 4), (WHITE, size)):
        for x, y, dx, dy in ((x1, y1, 1, 1), (x2, y1, -1, 1), (x2, y2, -1, -1), (x1, y2, 1, -1)):
            points = np.array([(x + dx * reach, y), (x, y), (x, y + dy * reach)], np.int32)
            cv2.polylines(place, [points], False, ink, line, cv2.LINE_AA)


def _draw_age(place: Image, view: View, wording: Wording) -> None:
    """Draw the picture's age: small, with the camera's name, while it is current; in words when it is stale."""
    size = text_height_px(place)
    if view.analysis is not None and view.analysis.is_stale(view.age_s):
        _draw_plate(place, wording.old.replace("{seconds}", f"{view.age_s:.0f}"), wording, round(1.6 * size))
        return
    pad, height = size // 2, round(1.5 * size)
    text = f"{view.camera}  {max(0.0, view.age_s):.1f} s"
    width = text_width_px(text, round(0.8 * size), MEDIUM) + 2 * pad
    top = place.shape[0] - height
    strip = place[top:, :width]
    cv2.convertScaleAbs(strip, dst=strip, alpha=0.35)
    put_text(place, text, (pad + pad // 2, top + height // 2), round(0.8 * size), WHITE, MEDIUM)


def _draw_plate(place: Image, text: str, wording: Wording, size: int, at_top: bool = False) -> None:
    """Write a text on a dark plate at the bottom or the top of the picture."""
    lettering = lettering_for(wording.direction)
    setting = fit(lettering, text, round(0.9 * place.shape[1]), size, MEDIUM, most_lines=1)
    width = lettering.width_px(text, setting.size, MEDIUM)
    height = round(1.8 * setting.size)
    left = (place.shape[1] - width) // 2
    top = setting.size if at_top else place.shape[0] - height - setting.size
    pad = setting.size
    cv2.rectangle(place, (left - pad, top), (left + width + pad, top + height), _PLATE, cv2.FILLED)
    lettering.put(place, text, (left, top + height // 2), setting.size, WHITE, MEDIUM)


def _round_corners(place: Image, radius: int, ground: Bgr) -> None:
    radius = min(radius, place.shape[0] // 2, place.shape[1] // 2)
    if radius < 1:
        return
    outside = _corner(radius)
    colour = np.array(ground, np.float32)
    for rows, cover_rows in ((slice(None, radius), outside), (slice(-radius, None), outside[::-1])):
        for columns, cover in ((slice(None, radius), cover_rows), (slice(-radius, None), cover_rows[:, ::-1])):
            corner = place[rows, columns]
            corner[...] = (corner * (1 - cover) + colour * cover + 0.5).astype(np.uint8)


@lru_cache(maxsize=4)
def _corner(radius: int) -> NDArray[np.float32]:
    """Return how much of each pixel of an upper left corner lies outside its round edge: R x R x 1, float32, 0..1."""
    y, x = np.mgrid[:radius, :radius] + 0.5
    outside: NDArray[np.float32] = np.clip(np.hypot(radius - x, radius - y) - radius + 0.5, 0, 1).astype(np.float32)
    return outside[..., np.newaxis]

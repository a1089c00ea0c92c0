"""The annotated picture (pure): an image and an analysis in, an image out.

Drawn with OpenCV 5 alone: its built-in fonts cover Latin, Cyrillic, Greek and Chinese names, which the annotators of
the usual libraries (Hershey fonts, or a round trip of the whole picture through Pillow) do not at video rate.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from monitor.config.overlay import OverlaySettings
from monitor.domain.detection import DECIDED_STATES, Detection, MaskState
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.track import Analysis, Track
from monitor.outputs.style import BLACK, STALE, STYLES, WHITE, Bgr, Outline, StateStyle

_BOLD, _REGULAR = 600, 450


@dataclass(frozen=True, slots=True)
class Caption:
    """Further texts of the banner: the camera, the time of day or media position, and the measured rates."""

    camera: str
    clock: str
    fps: float | None = None
    detect_fps: float | None = None


def draw_analysis(image: Image, analysis: Analysis, caption: Caption, settings: OverlaySettings) -> Image:
    """Return a copy of the picture (H x W x 3, uint8, BGR) with its people, their states and the banner."""
    canvas = image.copy()
    stale = analysis.is_stale(analysis.age_s)
    if stale:
        grey = cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY)
        canvas = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)  # type: ignore[assignment]
    for track in sorted(analysis.tracks, key=lambda track: -track.box.area_px2):
        _draw_track(canvas, track, settings, stale)
    if settings.banner or stale:
        _draw_banner(canvas, analysis, caption, stale)
    return canvas


def draw_detections(image: Image, detections: list[Detection], settings: OverlaySettings) -> Image:
    """Return a copy of the picture (H x W x 3, uint8, BGR) with one box per detection, for a single photograph."""
    canvas = image.copy()
    for detection in sorted(detections, key=lambda detection: -detection.box.area_px2):
        style = STYLES[detection.state]
        score = f" {detection.score:.0%}" if settings.scores else ""
        words = f"{style.words}{score}" if settings.labels else ""
        draw_box(canvas, detection.box, style, style.colour)
        draw_label(canvas, detection.box, detection.state, words, style.colour)
    return canvas


def _draw_track(canvas: Image, track: Track, settings: OverlaySettings, stale: bool) -> None:
    style = STYLES[track.state]
    colour = STALE if stale else style.colour
    score = f" {track.confidence:.0%}" if settings.scores and track.state.decided else ""
    words = f"{style.words}{score}" if settings.labels else ""
    draw_box(canvas, track.box, style, colour)
    draw_label(canvas, track.box, track.state, words, colour)


def text_height_px(canvas: Image) -> int:
    """Return a text height that is legible on this picture: 11 px at 320 px, 22 px at 720p, 66 px at 4K."""
    height, width = canvas.shape[:2]
    return max(11, int(22 * min(height / 720, width / 1280) + 0.5))


def draw_box(canvas: Image, box: Box, style: StateStyle, colour: Bgr) -> None:
    """Outline a face on a BGR picture, in place."""
    height, width = canvas.shape[:2]
    line = max(2, int(3 * min(height / 720, width / 1280) + 0.5))
    x1, y1, x2, y2 = box.as_ints()
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    sides = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    for stroke, ink in ((line + 2, BLACK), (line, colour)):  # a dark edge keeps the line visible on any ground
        match style.outline:
            case Outline.SOLID:
                cv2.rectangle(canvas, corners[0], corners[2], ink, stroke)
            case Outline.DOUBLE:
                gap = 2 * line + 2
                cv2.rectangle(canvas, corners[0], corners[2], ink, stroke)
                cv2.rectangle(canvas, (x1 - gap, y1 - gap), (x2 + gap, y2 + gap), ink, stroke)
            case Outline.DASHED:
                for start, end in sides:
                    _dashes(canvas, start, end, ink, stroke, dash_px=6 * line)
            case Outline.CORNERS:
                for start, end in sides:
                    _corner(canvas, start, end, ink, stroke)
                    _corner(canvas, end, start, ink, stroke)


def _dashes(canvas: Image, start: tuple[int, int], end: tuple[int, int], ink: Bgr, width: int, dash_px: int) -> None:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    steps = max(1, round(length / (2 * dash_px)))
    for step in range(steps):
        a, b = (step + 0.1) / steps, (step + 0.65) / steps
        cv2.line(canvas, _between(start, end, a), _between(start, end, b), ink, width)


def _corner(canvas: Image, start: tuple[int, int], end: tuple[int, int], ink: Bgr, width: int) -> None:
    cv2.line(canvas, start, _between(start, end, 0.22), ink, width)


def _between(start: tuple[int, int], end: tuple[int, int], part: float) -> tuple[int, int]:
    return round(start[0] + (end[0] - start[0]) * part), round(start[1] + (end[1] - start[1]) * part)


def draw_label(canvas: Image, box: Box, state: MaskState, words: str, colour: Bgr) -> None:
    """Draw a state's symbol, and its words if they fit, at a face on a BGR picture, in place."""
    style = STYLES[state]
    size = text_height_px(canvas)
    ink = WHITE if colour == STALE else style.ink
    pad = max(2, size // 4)
    height = size + 2 * pad
    height_px, width_px = canvas.shape[:2]
    width = text_width_px(words, size, _BOLD) + height + pad
    if width > max(2.5 * box.width_px, 0.3 * width_px):  # a small face in a small picture: the symbol only
        words, width = "", height
    line = max(1, size // 9)
    gap = line if style.outline is not Outline.DOUBLE else 3 * line + 2
    left = min(max(0, round(box.x1_px) - gap), max(0, width_px - width))
    top = round(box.y1_px) - gap - height
    if top < 0:
        top = min(round(box.y2_px) + gap, height_px - height)
    cv2.rectangle(canvas, (left, top), (left + width, top + height), BLACK, 1 + line)
    cv2.rectangle(canvas, (left, top), (left + width, top + height), colour, cv2.FILLED)
    _sign(canvas, state, (left + height // 2, top + height // 2), size, ink)
    if words:
        put_text(canvas, words, (left + height, top + height // 2), size, ink, _BOLD)


def _sign(canvas: Image, state: MaskState, centre: tuple[int, int], size: int, ink: Bgr) -> None:
    """Draw a tick, a cross, an exclamation mark or a question mark."""
    x, y = centre
    r = max(3, round(size * 0.38))
    line = max(1, size // 7)
    match state:
        case MaskState.WITH_MASK:
            points = np.array([(x - r, y), (x - r // 3, y + r * 2 // 3), (x + r, y - r * 2 // 3)], np.int32)
            cv2.polylines(canvas, [points], isClosed=False, color=ink, thickness=line, lineType=cv2.LINE_AA)
        case MaskState.WITHOUT_MASK:
            k = round(r * 0.8)
            cv2.line(canvas, (x - k, y - k), (x + k, y + k), ink, line, cv2.LINE_AA)
            cv2.line(canvas, (x - k, y + k), (x + k, y - k), ink, line, cv2.LINE_AA)
        case MaskState.INCORRECT | MaskState.UNKNOWN:
            sign = "!" if state is MaskState.INCORRECT else "?"
            put_text(canvas, sign, (x - text_width_px(sign, size, _BOLD) // 2, y), size, ink, _BOLD)


def _draw_banner(canvas: Image, analysis: Analysis, caption: Caption, stale: bool) -> None:
    size = text_height_px(canvas)
    pad = max(3, size // 3)
    height, width = size + 2 * pad, canvas.shape[1]
    strip = canvas[:height]
    cv2.convertScaleAbs(strip, dst=strip, alpha=0.25)
    state, words = _verdict(analysis, stale)
    style = STYLES[state]
    colour, ink = (STALE, WHITE) if stale else (style.colour, style.ink)
    pill = height + text_width_px(words, size, _BOLD) + pad
    cv2.rectangle(canvas, (0, 0), (min(pill, width), height - 1), colour, cv2.FILLED)
    _sign(canvas, state, (height // 2, height // 2), size, ink)
    put_text(canvas, words, (height, height // 2), size, ink, _BOLD)
    left = pill + pad
    right = width - pad
    for text in _notes(analysis, caption):  # the most important first; texts that do not fit are cut or omitted
        fitting = _cut_to_fit(text, right - left, size)
        if not fitting:
            continue
        right -= text_width_px(fitting, size, _REGULAR)
        put_text(canvas, fitting, (right, height // 2), size, WHITE, _REGULAR)
        right -= 2 * pad


def _cut_to_fit(text: str, width_px: int, size: int) -> str:
    """Return the text, or its start with an ellipsis, or nothing if fewer than six characters fit."""
    if text_width_px(text, size, _REGULAR) <= width_px:
        return text
    for end in range(min(len(text) - 1, 48), 5, -1):
        if text_width_px(cut := text[:end] + "…", size, _REGULAR) <= width_px:
            return cut
    return ""


def _verdict(analysis: Analysis, stale: bool) -> tuple[MaskState, str]:
    """Return the worst state in the picture, and the banner's text for it."""
    if stale:
        return MaskState.UNKNOWN, f"Picture is {analysis.age_s:.0f} s old"
    counts = Counter(track.state for track in analysis.tracks)
    for state in (MaskState.WITHOUT_MASK, MaskState.INCORRECT):
        if counts[state]:
            return state, f"{STYLES[state].words}: {counts[state]}"
    if counts[MaskState.UNKNOWN]:
        return MaskState.UNKNOWN, "Checking"
    if counts[MaskState.WITH_MASK]:
        return MaskState.WITH_MASK, "All wear a mask"
    return MaskState.UNKNOWN, "Nobody in view"


def _notes(analysis: Analysis, caption: Caption) -> list[str]:
    counts = Counter(track.state for track in analysis.tracks)
    people = "  ".join(f"{STYLES[state].words} {counts[state]}" for state in DECIDED_STATES if counts[state])
    rates = [f"{caption.fps:.0f} fps"] if caption.fps else []
    rates += [f"{caption.detect_fps:.0f} analyses/s"] if caption.detect_fps else []
    age = f"age {analysis.age_s * 1000:.0f} ms" if analysis.age_s < 1 else f"age {analysis.age_s:.1f} s"
    return [age, caption.clock, caption.camera, " · ".join(rates), people]


class _Fonts(threading.local):
    """One font per thread: a font shared by threads mixes up the sizes of their texts."""

    def __init__(self) -> None:
        self.sans = cv2.FontFace("sans")


_FONTS = _Fonts()


def put_text(canvas: Image, text: str, left_middle: tuple[int, int], size: int, ink: Bgr, weight: int) -> None:
    """Draw text on a BGR picture, in place, with its left end and middle line at (x, y) in pixels."""
    x, y = left_middle
    cv2.putText(canvas, text, (x, y + round(size * 0.36)), ink, _FONTS.sans, size, weight)


@lru_cache(maxsize=4096)
def text_width_px(text: str, size: int, weight: int) -> int:
    """Return the width of a text in pixels."""
    _, _, width, _ = cv2.getTextSize((10_000, 10_000), text, (0, 0), _FONTS.sans, size, weight)
    return int(width)

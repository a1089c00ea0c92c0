"""The annotated live picture of a camera as a JPEG, encoded on request, and once for all viewers."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2

from monitor.config.overlay import OverlaySettings
from monitor.domain.clock import Clock
from monitor.domain.track import Analysis
from monitor.outputs.overlay import Caption, draw_analysis
from monitor.sources.encoding import encode_picture

_JPEG_QUALITY = 80

#: Up to this width a picture is one of several on a page, and scores would cover too much of it.
_SMALL_WIDTH_PX = 640


@dataclass(frozen=True, slots=True)
class Shape:
    """The requested form of a picture: at most `width_px` wide (None: the camera's width), mirrored or not.

    `banner` draws a summary at the top; without `words` faces are labelled with a symbol only.
    """

    width_px: int | None = None
    mirrored: bool = False
    banner: bool = True
    words: bool = True


@dataclass(frozen=True, slots=True)
class LivePicture:
    """One encoded picture; `number` grows by one with each analysis that was published.

    A `stale` one was too old when it was drawn, and is grey.
    """

    number: int
    jpeg: bytes
    analysis: Analysis
    stale: bool


class LiveView:
    """Keeps the newest analysis of one camera; `picture` draws and encodes it on the caller's thread."""

    def __init__(
        self,
        settings: Callable[[], OverlaySettings],
        rates: Callable[[], tuple[float, float]],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: tuple[int, Analysis | None] = (0, None)
        self._encoding = threading.Lock()
        self._encoded = 0
        self._pictures: dict[Shape, LivePicture] = {}

    @property
    def number(self) -> int:
        """How many analyses have been published."""
        with self._lock:
            return self._newest[0]

    @property
    def encoded(self) -> int:
        """How many pictures have been encoded."""
        with self._encoding:
            return self._encoded

    def publish(self, analysis: Analysis) -> None:
        """Store the newest analysis in place of the older one."""
        with self._lock:
            self._newest = (self._newest[0] + 1, analysis)

    def picture(self, shape: Shape) -> LivePicture | None:
        """Return the newest picture; None before the first."""
        with self._encoding:  # one thread encodes; others that need the same picture wait for it
            with self._lock:
                number, analysis = self._newest
            if analysis is None:
                return None
            shown = replace(analysis, age_s=self._clock.monotonic_s() - analysis.frame.time_s)
            stale = shown.is_stale(shown.age_s)
            known = self._pictures.get(shape)
            if known is not None and (known.number, known.stale) == (number, stale):
                return known
            jpeg = self._encode(_mirrored(shown) if shape.mirrored else shown, shape)
            picture = LivePicture(number, jpeg, analysis, stale)
            self._encoded += 1
            self._pictures = {one: kept for one, kept in self._pictures.items() if kept.number == number}
            self._pictures[shape] = picture
            return picture

    def _encode(self, analysis: Analysis, shape: Shape) -> bytes:
        width_px, own = shape.width_px, self._settings()
        small = width_px is not None and width_px <= _SMALL_WIDTH_PX
        settings = OverlaySettings(
            banner=own.banner and shape.banner, labels=own.labels and shape.words, scores=own.scores and not small
        )
        if width_px is not None and width_px < analysis.frame.width_px:
            analysis = _shrunk(analysis, width_px)
        drawn = draw_analysis(analysis.frame.image, analysis, self._caption(analysis), settings)
        return encode_picture(drawn, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])

    def _caption(self, analysis: Analysis) -> Caption:
        at = analysis.frame.captured_at
        fps, analysed_fps = self._rates()
        return Caption(analysis.frame.source_id, f"{at.astimezone():%H:%M:%S}" if at else "", fps, analysed_fps)


class LiveViews:
    """The live views of all cameras: a subscriber to analyses that keeps the newest one of each camera.

    `settings` and `rates` (frames and analyses per second) return those of a camera by its name.
    """

    def __init__(
        self,
        settings: Callable[[str], OverlaySettings],
        rates: Callable[[str], tuple[float, float]],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._views: dict[str, LiveView] = {}

    def publish(self, analysis: Analysis) -> None:
        """Store an analysis as the newest of its camera."""
        self._of(analysis.frame.source_id).publish(analysis)

    def forget(self, camera: str) -> None:
        """Remove the view of a camera that is no longer watched."""
        with self._lock:
            self._views.pop(camera, None)

    def get(self, camera: str) -> LiveView | None:
        """Return the view of a camera, None before its first analysis."""
        with self._lock:
            return self._views.get(camera)

    def encoded(self) -> int:
        """Return how many pictures of the present cameras have been encoded."""
        with self._lock:
            views = list(self._views.values())
        return sum(view.encoded for view in views)

    def _of(self, camera: str) -> LiveView:
        with self._lock:
            view = self._views.get(camera)
            if view is None:
                view = LiveView(lambda: self._settings(camera), lambda: self._rates(camera), self._clock)
                self._views[camera] = view
            return view


def _shrunk(analysis: Analysis, width_px: int) -> Analysis:
    frame = analysis.frame
    scale = width_px / frame.width_px
    size = (width_px, max(1, round(frame.height_px * scale)))
    # Boxes drawn after shrinking stay sharp; a linear filter is coarse at a third of the size, but fast.
    image = cv2.resize(frame.image, size, interpolation=cv2.INTER_LINEAR)
    return replace(
        analysis,
        frame=replace(frame, image=image),  # type: ignore[arg-type]
        tracks=tuple(replace(track, box=track.box.scaled(scale)) for track in analysis.tracks),
    )


def _mirrored(analysis: Analysis) -> Analysis:
    frame = analysis.frame
    return replace(
        analysis,
        frame=replace(frame, image=cv2.flip(frame.image, 1)),  # type: ignore[arg-type]
        tracks=tuple(replace(track, box=track.box.mirrored(frame.width_px)) for track in analysis.tracks),
    )

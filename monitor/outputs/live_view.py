"""The annotated live picture of one camera as a JPEG: encoded only while somebody watches, and once for all of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2

from monitor.config.overlay import OverlaySettings
from monitor.domain.clock import Clock
from monitor.domain.track import Analysis
from monitor.outputs.overlay import Caption, draw_analysis

_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class LivePicture:
    """One encoded picture; `number` grows by one with each that was published."""

    number: int
    jpeg: bytes
    analysis: Analysis


class LiveView:
    """Takes every analysis, keeps the newest, and draws and encodes it on the thread of who asks first.

    The pipeline pays a few assignments a frame. Who asks slowly gets fewer pictures and holds nobody up.
    """

    def __init__(self, settings: OverlaySettings, caption: Callable[[Analysis], Caption], clock: Clock) -> None:
        self._settings = settings
        self._caption = caption
        self._clock = clock
        self._changed = threading.Condition()
        self._encoding = threading.Lock()
        self._analysis: Analysis | None = None
        self._number = 0
        self._picture: LivePicture | None = None
        self._viewers = 0
        self.encoded = 0

    @property
    def watched(self) -> bool:
        """Whether anybody watches."""
        return self._viewers > 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count a viewer for as long as they look."""
        with self._changed:
            self._viewers += 1
        try:
            yield
        finally:
            with self._changed:
                self._viewers -= 1

    def publish(self, analysis: Analysis) -> None:
        """Take the newest analysis."""
        with self._changed:
            self._analysis = analysis
            self._number += 1
            if self._viewers:
                self._changed.notify_all()

    def next(self, after: int, timeout_s: float) -> LivePicture | None:
        """Return the newest picture with a number above `after`, waiting for one; None where none comes in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._number > after, timeout_s):
                return None
        with self._encoding:  # one viewer encodes, the others of the same picture wait for it
            with self._changed:
                number, analysis = self._number, self._analysis
                if self._picture is not None and self._picture.number == number:
                    return self._picture
            assert analysis is not None
            analysis = replace(analysis, age_s=self._clock.monotonic_s() - analysis.frame.time_s)
            drawn = draw_analysis(analysis.frame.image, analysis, self._caption(analysis), self._settings)
            _, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            picture = LivePicture(number, data.tobytes(), analysis)
            self.encoded += 1
            with self._changed:
                self._picture = picture
            return picture

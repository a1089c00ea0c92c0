"""Analyses photographs, one at a time and with lower priority than the cameras."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2

from monitor.config.settings import Settings
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.domain.detection import Detection
from monitor.domain.frame import Image
from monitor.outputs.overlay import draw_detections
from monitor.pipeline.process import give_way
from monitor.sources.picture_reader import PictureReader

_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class CheckedPhoto:
    """A photograph upright (H x W x 3, uint8, BGR), annotated as a JPEG, its faces, and what of it was not read."""

    image: Image
    jpeg: bytes
    faces: list[Detection]
    note: str | None


class PhotoService:
    """Analyses photographs on a separate thread with lower priority than the cameras'.

    They are decoded in a process of their own. The model is loaded with the first photograph, and again when the
    settings name another.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(1, "photo", initializer=give_way)
        self._reader: PictureReader | None = None
        self._detector: OpenedDetector | None = None
        self._opened_for: object = None

    def analyse(self, data: bytes) -> Future[CheckedPhoto]:
        """Analyse an uploaded picture; the future raises `UnreadableError`, `SourceError` or `ModelError`."""
        return self._pool.submit(self._analyse, data)

    def close(self) -> None:
        """End the thread; a photograph that is being decoded is given up, one that is being analysed is finished."""
        if (reader := self._reader) is not None:
            reader.abort()
        self._pool.shutdown(cancel_futures=True)
        if self._reader is not None:
            self._reader.close()
        if self._detector is not None:
            self._detector.detector.close()

    def _analyse(self, data: bytes) -> CheckedPhoto:
        settings = self._settings()
        picture = self._reader_for(settings).read_bytes(data)
        faces = self._opened(settings).detector.detect([picture.image])[0]
        drawn = draw_detections(picture.image, faces, settings.overlay)
        _, jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return CheckedPhoto(picture.image, jpeg.tobytes(), faces, picture.note)

    def _reader_for(self, settings: Settings) -> PictureReader:
        max_pixels = round(settings.web.photo.max_megapixels * 1e6)
        if self._reader is None or self._reader.max_pixels != max_pixels:
            if self._reader is not None:
                self._reader.close()
            self._reader = PictureReader(max_pixels, give_way=True)
        return self._reader

    def _opened(self, settings: Settings) -> OpenedDetector:
        if self._detector is None or self._opened_for != settings.detector:
            if self._detector is not None:
                self._detector.detector.close()
                self._detector = None
            self._detector = open_detector(settings.detector.for_one_picture(), threads=1)
            self._opened_for = settings.detector
        return self._detector

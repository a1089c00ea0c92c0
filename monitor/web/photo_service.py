"""Analyses photographs, one at a time and with lower priority than the cameras."""

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from monitor.config.settings import Settings
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.domain.detection import Detection
from monitor.domain.frame import Image
from monitor.outputs.overlay import draw_detections
from monitor.pipeline.process import give_way
from monitor.sources.pictures import as_bgr, upright

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_JPEG_QUALITY = 90

Pillow.MAX_IMAGE_PIXELS = None  # its limit only warns; the limit in the settings refuses


class UnreadableError(Exception):
    """The upload is not a readable picture; the message is the reason."""


def read_photo(data: bytes, max_megapixels: float) -> Image:
    """Decode an uploaded picture, upright by its EXIF orientation: H x W x 3, uint8, BGR.

    The size is checked before pixels are decoded, so that a small file cannot expand to a huge picture. Raises
    `UnreadableError`.
    """
    try:
        with Pillow.open(io.BytesIO(data), formats=_FORMATS) as picture:
            _check_size(*picture.size, max_megapixels)
            picture.load()
            return as_bgr(upright(picture))
    except UnreadableError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableError("not a picture in a supported format: JPEG, PNG, WebP, BMP or GIF") from error
    except Exception as error:  # a decoder may raise anything for crafted input
        raise UnreadableError(f"the picture is damaged: {error}") from error


def _check_size(width: int, height: int, max_megapixels: float) -> None:
    if width * height > max_megapixels * 1e6:
        raise UnreadableError(f"{width} x {height} pixels; at most {max_megapixels:g} megapixels are accepted")
    if min(width, height) < 1:
        raise UnreadableError("the picture has no pixels")


class PhotoService:
    """Analyses photographs on a separate thread with lower priority than the cameras'.

    The model is loaded with the first photograph, and again when the settings name another.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(1, "photo", initializer=give_way)
        self._detector: OpenedDetector | None = None
        self._opened_for: object = None

    def analyse(self, data: bytes) -> Future[tuple[Image, bytes, list[Detection]]]:
        """Analyse an uploaded picture: the future returns it upright (BGR), annotated as a JPEG, and its faces.

        The future raises `UnreadableError` or `ModelError`.
        """
        return self._pool.submit(self._analyse, data)

    def close(self) -> None:
        """Finish the current photograph and end the thread."""
        self._pool.shutdown(cancel_futures=True)
        if self._detector is not None:
            self._detector.detector.close()

    def _analyse(self, data: bytes) -> tuple[Image, bytes, list[Detection]]:
        settings = self._settings()
        image = read_photo(data, settings.web.photo.max_megapixels)
        faces = self._opened(settings).detector.detect([image])[0]
        drawn = draw_detections(image, faces, settings.overlay)
        _, jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return image, jpeg.tobytes(), faces

    def _opened(self, settings: Settings) -> OpenedDetector:
        if self._detector is None or self._opened_for != settings.detector:
            if self._detector is not None:
                self._detector.detector.close()
                self._detector = None
            self._detector = open_detector(settings.detector.for_one_picture(), threads=1)
            self._opened_for = settings.detector
        return self._detector

"""Annotated video: H.264, which every browser plays, encoded with PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from monitor.domain.errors import OutputError
from monitor.domain.frame import Image
from monitor.storage.files import writing

#: Presentation times in milliseconds hold variable frame rates.
_TIME_BASE = Fraction(1, 1000)

#: The side of H.264's macroblock: smaller pictures are enlarged.
_MIN_SIDE_PX = 16

#: ITU-T H.273 code points of OpenCV's BGR to YUV conversion: BT.601, limited range.
_BT601, _LIMITED = 6, 1


class VideoWriter:
    """One MP4; frames are written in order, each with its own time. `close` moves the index to the front.

    Sizes in pixels; raises `OutputError` if the file cannot be written.
    """

    def __init__(self, path: Path, width_px: int, height_px: int, fps: float) -> None:
        self._path = path
        # 4:2:0 needs even sides; an odd last row or column is repeated.
        self._width, self._height = (max(_MIN_SIDE_PX, side + side % 2) for side in (width_px, height_px))
        self._last_pts = -1
        with writing(path):
            self._container = av.open(str(path.absolute()), "w", format="mp4", options={"movflags": "faststart"})
        stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = self._width, self._height, "yuv420p"
        context.time_base = _TIME_BASE
        context.gop_size = max(1, round(2 * fps))
        context.thread_count = max(1, round(width_px * height_px / (1920 * 1080)))
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = _LIMITED
        # The encoder shares the machine with inference. On 720p this preset takes half the CPU time of `superfast` and
        # twice the bytes, about 25 MB a minute; its baseline profile plays everywhere.
        context.options = {"preset": "ultrafast", "crf": "25", "tune": "zerolatency"}

    def write(self, image: Image, time_s: float) -> None:
        """Encode a picture (H x W x 3, uint8, BGR), shown from `time_s` on, resized to fit; raises `OutputError`."""
        image = fit(image, self._width, self._height)
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = VideoFrame.from_numpy_buffer(np.asarray(planes, np.uint8), format="yuv420p")
        self._last_pts = max(self._last_pts + 1, round(time_s * 1000))
        frame.pts, frame.time_base = self._last_pts, _TIME_BASE
        with writing(self._path):
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write the remaining frames and the index; raises `OutputError`."""
        try:
            with writing(self._path):
                if self._last_pts >= 0:
                    self._container.mux(self._stream.encode())
        finally:
            with writing(self._path):
                self._container.close()


def fit(image: Image, width_px: int, height_px: int) -> Image:
    """Return the picture (uint8, BGR) at this size: unchanged, with the last row or column repeated, or letterboxed."""
    height, width = image.shape[:2]
    if (width, height) == (width_px, height_px):
        return image
    if 0 <= width_px - width <= 1 and 0 <= height_px - height <= 1:
        return cv2.copyMakeBorder(image, 0, height_px - height, 0, width_px - width, cv2.BORDER_REPLICATE)  # type: ignore[return-value]
    scale = min(width_px / width, height_px / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.zeros((height_px, width_px, 3), np.uint8)
    left, top = (width_px - size[0]) // 2, (height_px - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return canvas


def check_encoder() -> None:
    """Raise `OutputError` if this build of FFmpeg lacks the encoder."""
    if "libx264" not in av.codecs_available:
        raise OutputError(
            "this build of PyAV has no H.264 encoder (libx264); install the wheel that requirements.txt pins"
        )

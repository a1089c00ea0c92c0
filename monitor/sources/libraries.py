"""Configures OpenCV and FFmpeg once for the whole process."""

import ctypes
import errno
import logging
import os
from functools import cache
from pathlib import Path

import cv2

#: The most bytes that FFmpeg may reserve at once for what a stream states. The largest picture of a stream needs 48 MB
#: in BGR; the rest is room for what demuxers collect.
_MAX_ALLOCATION = 128 * 2**20

_log = logging.getLogger(__name__)

#: Seconds; the default of `capture.read_timeout_s`.
_WEBCAM_S = "5"


@cache
def prepare_opencv() -> None:
    """Stop OpenCV and FFmpeg from printing, and OpenCV from using its own threads.

    Their messages contain addresses with passwords and bypass the program's redaction; failures are returned as
    results. The cores work on different frames, so a thread pool that splits single small pictures only slows them
    down. A webcam without frames for `_WEBCAM_S` is lost: OpenCV's default is twice as long, and it has no limit per
    camera.
    """
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", _WEBCAM_S)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)


@cache
def limit_ffmpeg() -> None:
    """Make FFmpeg refuse to reserve more than `_MAX_ALLOCATION` bytes at once: a camera may state any length of data.

    PyAV has no setting for it, so FFmpeg's `av_max_alloc` is called in the library that PyAV has loaded.
    """
    try:
        avutil().av_max_alloc(ctypes.c_size_t(_MAX_ALLOCATION))
    except (OSError, AttributeError):
        _log.warning("the memory that FFmpeg may reserve is not limited: its library libavutil is not found")


@cache
def avutil() -> ctypes.CDLL:
    """Return FFmpeg's libavutil, as PyAV has loaded it; raises `OSError` if that cannot be found."""
    import av  # noqa: F401 - loads it

    for line in Path("/proc/self/maps").read_text("utf-8").splitlines():
        path = Path(line.split(maxsplit=5)[-1])
        if path.name.startswith("libavutil"):
            return ctypes.CDLL(str(path))
    raise OSError(errno.ENOENT, "libavutil is not loaded")

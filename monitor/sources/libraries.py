"""Configures OpenCV and FFmpeg once for the whole process."""

import os
from functools import cache

import cv2

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

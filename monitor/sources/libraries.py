"""OpenCV and FFmpeg, set up once for the whole process."""

import os
from functools import cache

import cv2

#: Seconds, as `capture.read_timeout_s` by default.
_WEBCAM_S = "5"


@cache
def prepare_opencv() -> None:
    """Keep OpenCV and FFmpeg from printing, and OpenCV from threads of its own.

    Their messages hold addresses, and with them passwords, past our own redaction; failures come back as results. The
    cores are kept busy with different frames: a pool that splits single small pictures only gets in the way. A webcam
    that gives nothing for `_WEBCAM_S` is lost: by itself OpenCV waits twice as long, and has no limit for each camera.
    """
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", _WEBCAM_S)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)

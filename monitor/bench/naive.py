"""The loop that people write today, to hold the live monitor against."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from monitor.detectors.quiet import native_notices_hidden
from monitor.domain.errors import ModelError
from monitor.domain.frame import Image

_LEAST_SCORE = 0.5
_SETTLE_S = 5.0


class NaiveLoop:
    """One camera after the other: next frame of an imutils stream, TensorFlow SavedModel call, draw.

    Written as in tutorials: a reading thread a file with a queue, the whole picture as a tensor, boxes drawn on every
    frame. The model is the same folder's `saved_model/` that the monitor uses, with TensorFlow's own thread counts.
    """

    def __init__(self, saved_model: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its notices are not for our users
        try:
            with native_notices_hidden():
                import tensorflow as tf

                self._tf = tf
                self._model = tf.saved_model.load(str(saved_model))
        except ImportError as error:
            raise ModelError("--compare naive needs TensorFlow: pip install -r requirements.txt") from error
        except OSError as error:
            raise ModelError(f"{saved_model}: TensorFlow cannot load it: {error}") from error
        self._detect = self._model.signatures["serving_default"]

    def run(self, clips: Sequence[Path], seconds: float) -> tuple[float, float]:
        """Run over the clips for so many seconds; return the frames analysed a second, and CPU milliseconds a frame.

        The first seconds, in which the graph is built and the streams fill their queues of 128 frames, do not count.
        """
        from imutils.video import FileVideoStream

        streams = [FileVideoStream(str(clip)).start() for clip in clips]
        try:
            self._look_at(streams, clips, _SETTLE_S)
            cpu_s, started = time.process_time(), time.perf_counter()
            frames = max(1, self._look_at(streams, clips, seconds))
            return frames / (time.perf_counter() - started), 1000 * (time.process_time() - cpu_s) / frames
        finally:
            for stream in streams:
                stream.stop()

    def _look_at(self, streams: list[Any], clips: Sequence[Path], seconds: float) -> int:
        from imutils.video import FileVideoStream

        frames, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            for number, stream in enumerate(streams):
                frame = stream.read() if stream.more() else None
                if frame is None:
                    stream.stop()
                    streams[number] = FileVideoStream(str(clips[number])).start()
                    continue
                self._look(frame)
                frames += 1
        return frames

    def _look(self, frame: Image) -> None:
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        found: dict[str, Any] = self._detect(self._tf.convert_to_tensor(rgb)[self._tf.newaxis, ...])
        boxes, scores = found["detection_boxes"][0].numpy(), found["detection_scores"][0].numpy()
        height, width = frame.shape[:2]
        for (ymin, xmin, ymax, xmax), score in zip(boxes, scores, strict=True):
            if score >= _LEAST_SCORE:
                corners = (int(xmin * width), int(ymin * height)), (int(xmax * width), int(ymax * height))
                cv2.rectangle(frame, *corners, (0, 255, 0), 2)
                cv2.putText(frame, f"{score:.2f}", corners[0], cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0), 2)

"""The loop that tutorials write, compared with the live monitor on the same clip.

`scripts/bench/run naive --help` lists the options; the figures are printed as JSON.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from monitor.app.replaying import default_recording
from monitor.bench.clips import make_clip
from monitor.commands.bench_live import LiveBench, median_of
from monitor.config.settings import Settings
from monitor.detectors.acceptance import demand_accepted
from monitor.detectors.folder import SAVED_MODEL
from monitor.detectors.quiet import native_notices_hidden
from monitor.domain.errors import ModelError
from monitor.domain.frame import Image
from scripts.bench.common import options, positive, report

_LEAST_SCORE = 0.5
_SETTLE_S = 5.0
_SHORT_S = 0.001


def measure(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    """Return the monitor's figures and the loop's, measured in turns on the same clip."""
    ours, theirs = [], []
    loop: NaiveLoop | None = None
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        width_px, height_px = given.size
        make_clip(given.video or default_recording(settings), clip, width_px, height_px, given.fps)
        bench = LiveBench(settings, clip, Path(folder) / "results", given.fps)
        for _ in range(given.rounds):
            ours.append(bench.round(given.cameras, given.seconds))
            demand_accepted(settings.detector.model / SAVED_MODEL, settings.detector)
            loop = loop or NaiveLoop(settings.detector.model / SAVED_MODEL)
            theirs.append(loop.run([clip] * given.cameras, given.seconds))
    speedups = [own["analysed_fps"] / fps for own, (fps, _) in zip(ours, theirs, strict=True)]
    return median_of(ours) | {
        "naive_fps": round(statistics.median(fps for fps, _ in theirs), 2),
        "naive_cpu_ms_per_frame": round(statistics.median(cpu_ms for _, cpu_ms in theirs), 2),
        "speedup": round(statistics.median(speedups), 2),
    }


class _Paced:
    """An OpenCV capture of a file that gives its frames when their time has come, over and over, as a camera would."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._period_s = 1 / capture.get(cv2.CAP_PROP_FPS)
        self._due_s = time.monotonic()

    def read(self) -> tuple[bool, Any]:
        """Wait for the next frame, decode and convert it; late ones follow at once."""
        self._due_s += self._period_s
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        read = self._capture.read()
        if not read[0]:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            read = self._capture.read()
        return read


class NaiveLoop:
    """One camera after the other: newest picture of an imutils stream, TensorFlow SavedModel call, draw.

    Written as in tutorials: `imutils.video.VideoStream`, whose thread decodes and converts whatever its camera sends,
    the whole picture as a tensor, boxes drawn on every one. The model is the same folder's `saved_model/` that the
    monitor uses, with TensorFlow's own thread counts; the cameras keep the same time as the monitor's.
    """

    def __init__(self, saved_model: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its notices are not for our users
        try:
            with native_notices_hidden():
                import tensorflow as tf

                self._tf = tf
                self._model = tf.saved_model.load(str(saved_model))
            from imutils.video import VideoStream
        except ImportError as error:
            raise ModelError("the simple loop needs TensorFlow and imutils: run scripts/run --with dev") from error
        except OSError as error:
            raise ModelError(f"{saved_model}: TensorFlow cannot load it: {error}") from error
        self._video_stream = VideoStream
        self._detect = self._model.signatures["serving_default"]

    def run(self, clips: Sequence[Path], seconds: float) -> tuple[float, float]:
        """Run over the clips for so many seconds; return the frames analysed a second, and CPU milliseconds a frame.

        The first seconds, in which the graph is built, do not count.
        """
        streams = [_camera(self._video_stream, clip) for clip in clips]
        seen: list[Image | None] = [None] * len(streams)
        try:
            self._look_at(streams, seen, _SETTLE_S)
            cpu_s, started = time.process_time(), time.perf_counter()
            frames = max(1, self._look_at(streams, seen, seconds))
            return frames / (time.perf_counter() - started), 1000 * (time.process_time() - cpu_s) / frames
        finally:
            for stream in streams:
                stream.stop()
            for thread in threading.enumerate():
                if thread.name == streams[0].name:
                    thread.join()

    def _look_at(self, streams: Sequence[Any], seen: list[Image | None], seconds: float) -> int:
        frames, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            before = frames
            for number, stream in enumerate(streams):
                frame = stream.read()
                if frame is not seen[number]:  # a tutorial's loop would look at the same picture again
                    seen[number] = frame
                    self._look(frame)
                    frames += 1
            if frames == before:
                time.sleep(_SHORT_S)
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


def _camera(video_stream: Any, clip: Path) -> Any:
    """Return a running imutils stream of a clip that keeps a camera's time."""
    stream = video_stream(src=str(clip))
    stream.stream.stream = _Paced(stream.stream.stream)
    return stream.start()


if __name__ == "__main__":
    parser = options("The live monitor compared with the loop that tutorials write.", cameras=8)
    parser.add_argument("--rounds", type=positive, default=1, help="how often to measure; medians are printed")
    report(parser.parse_args(), measure)

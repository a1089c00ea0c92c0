"""The cost of a replay, compared with the cost of each of its parts alone."""

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from monitor.config.overlay import OverlaySettings
from monitor.domain.frame import Frame, Image
from monitor.domain.ports import Detector, Source
from monitor.domain.track import Analysis
from monitor.outputs.overlay import Caption, draw_analysis
from monitor.outputs.video import VideoWriter
from monitor.storage.lines import clock

#: Frames held in memory while one part after another processes them.
_CHUNK = 25


@dataclass(frozen=True, slots=True)
class ReplayStages:
    """The parts to measure. `whole` runs a replay, calls its argument with each analysis and returns the media time."""

    make_source: Callable[[], Source]
    detector: Detector
    resize: Callable[[Image], Image]
    overlay: OverlaySettings
    whole: Callable[[Callable[[Analysis], None]], float]


def bench_replay(parts: ReplayStages, rounds: int) -> dict[str, Any]:
    """Measure whole replays and their parts in turn, and return the medians over the rounds.

    Times are CPU seconds of the whole process, so that they do not depend on how many cores the machine has;
    `inference` is the detector without its own resizing.
    """
    realtime, whole_ms, parts_ms = [], [], []
    peak_rss_mb = 0.0
    for _ in range(rounds):
        tracks: dict[int, Analysis] = {}
        frames = 0

        def keep(analysis: Analysis, tracks: dict[int, Analysis] = tracks) -> None:
            nonlocal frames
            frames += 1
            tracks[analysis.frame.index] = _without_picture(analysis)

        wall, cpu = time.perf_counter(), time.process_time()
        media_s = parts.whole(keep)
        realtime.append(media_s / (time.perf_counter() - wall))
        whole_ms.append(1000 * (time.process_time() - cpu) / frames)
        peak_rss_mb = peak_rss_mb or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        parts_ms.append(_parts_alone(parts, tracks))
    alone = {name: statistics.median(part[name] for part in parts_ms) for name in parts_ms[0]}
    return {
        "rounds": rounds,
        "realtime_factor": round(statistics.median(realtime), 2),
        "cpu_ms_per_frame": round(statistics.median(whole_ms), 2),
        "parts_ms_per_frame": {name: round(value, 2) for name, value in alone.items()},
        "overhead_ratio": round(
            statistics.median(w / sum(p.values()) for w, p in zip(whole_ms, parts_ms, strict=True)), 3
        ),
        "peak_rss_mb": round(peak_rss_mb, 1),
    }


def _without_picture(analysis: Analysis) -> Analysis:
    frame = analysis.frame
    empty = Frame(np.empty((0, 0, 3), np.uint8), frame.source_id, frame.index, frame.time_s, frame.captured_at)
    return Analysis(empty, analysis.tracks, analysis.inference_s, analysis.age_s)


def _parts_alone(parts: ReplayStages, analyses: dict[int, Analysis]) -> dict[str, float]:
    spent = dict.fromkeys(("decode", "resize", "inference", "draw", "encode"), 0.0)
    frames = 0
    with TemporaryDirectory() as folder:
        writer: VideoWriter | None = None
        for chunk in _chunks(parts, spent):
            frames += len(chunk)
            started = time.process_time()
            for frame in chunk:
                parts.resize(frame.image)
            resized = time.process_time()
            for frame in chunk:
                parts.detector.detect([frame.image])
            detected = time.process_time()
            drawn = [_draw(parts, frame, analyses) for frame in chunk]
            drew = time.process_time()
            if writer is None:
                height, width = drawn[0].shape[:2]
                writer = VideoWriter(Path(folder) / "bench.mp4", width, height, 25)
            for frame, image in zip(chunk, drawn, strict=True):
                writer.write(image, frame.time_s)
            spent["encode"] += time.process_time() - drew
            spent["draw"] += drew - detected
            spent["resize"] += resized - started
            spent["inference"] += (detected - resized) - (resized - started)
        if writer is not None:
            started = time.process_time()
            writer.close()
            spent["encode"] += time.process_time() - started
    return {name: 1000 * seconds / frames for name, seconds in spent.items()}


def _chunks(parts: ReplayStages, spent: dict[str, float]) -> Iterator[list[Frame]]:
    source = parts.make_source()
    source.open()
    while True:
        cpu = time.process_time()
        chunk: list[Frame] = []
        while len(chunk) < _CHUNK and source.grab() is not None:
            chunk.append(source.retrieve())
        spent["decode"] += time.process_time() - cpu
        if not chunk:
            source.close()
            return
        yield chunk


def _draw(parts: ReplayStages, frame: Frame, analyses: dict[int, Analysis]) -> Image:
    caption = Caption(frame.source_id, clock(frame.time_s), 25.0, 25.0)
    return draw_analysis(frame.image, analyses[frame.index], caption, parts.overlay)

"""The cost and throughput of the live monitor, compared with the cost of each of its stages alone."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.domain.clock import Clock
from monitor.domain.frame import Frame, Image
from monitor.domain.health import CameraStatus, Drop
from monitor.domain.ports import Detector, Source
from monitor.domain.track import Analysis
from monitor.pipeline.monitor import Monitor
from monitor.pipeline.process import memory_mb

_MEMORY_EVERY_S = 1.0
_ALONE_FRAMES = 200
_CHUNK = 25

#: The stage of each thread, by the first part of the thread's name.
_STAGES = {
    "capture": "capture",
    "detect": "inference and rules",
    "clips": "clips",
    "pictures": "pictures",
    "web": "web",
}


@dataclass(slots=True)
class Window:
    """A measurement over a period: counts by camera, latencies, CPU seconds by stage, memory."""

    wall_s: float
    cpu_s: float
    stages_s: dict[str, float]
    before: Sequence[CameraStatus]
    after: Sequence[CameraStatus]
    latencies_s: dict[str, list[float]]
    memory_mb: list[float]

    @property
    def analysed(self) -> int:
        """Frames analysed, all cameras together."""
        return sum(len(latencies) for latencies in self.latencies_s.values())


def watch(live: Monitor, cameras: Sequence[str], seconds: float, clock: Clock, stopped: threading.Event) -> Window:
    """Measure a running monitor for so many seconds, or until it stops."""
    latencies: dict[str, list[float]] = {name: [] for name in cameras}

    def collect(analysis: Analysis) -> None:
        if (collected := latencies.get(analysis.frame.source_id)) is not None:
            collected.append(analysis.age_s)

    unsubscribe = live.analyses.subscribe(collect)
    before, cpu, stages = _statuses(live, cameras), time.process_time(), _thread_seconds()
    started_s = clock.monotonic_s()
    memory = [memory_mb()]
    while (left_s := started_s + seconds - clock.monotonic_s()) > 0 and not stopped.wait(min(left_s, _MEMORY_EVERY_S)):
        memory.append(memory_mb())
    wall_s = clock.monotonic_s() - started_s
    after, spent = _statuses(live, cameras), _thread_seconds()
    used = {name: spent[name] - stages.get(name, 0.0) for name in spent}
    window = Window(wall_s, time.process_time() - cpu, used, before, after, latencies, memory)
    unsubscribe()
    return window


def figures(window: Window, alone_ms: Mapping[str, float]) -> dict[str, Any]:
    """Return the figures of a window; times in milliseconds, `overhead_ratio` of the whole to the stages alone.

    Of the stages alone, decoding counts for every frame received, the others for every frame analysed.
    """
    analysed = max(1, window.analysed)
    arrived = sum(a.frames - b.frames for a, b in zip(window.after, window.before, strict=True))
    per_analysis = dict(alone_ms) | {"decode": alone_ms["decode"] * arrived / analysed}
    cpu_ms = 1000 * window.cpu_s / analysed
    stages = {name: round(1000 * seconds / analysed, 2) for name, seconds in window.stages_s.items()}
    stages["other"] = round(cpu_ms - sum(stages.values()), 2)
    everything = [latency for latencies in window.latencies_s.values() for latency in latencies]
    return {
        "cameras": len(window.latencies_s),
        "seconds": round(window.wall_s, 1),
        "analysed_fps": round(window.analysed / window.wall_s, 2),
        "drops": _drops(window.before, window.after),
        "latency_ms": _percentiles(everything),
        "cpu_ms_per_frame": round(cpu_ms, 2),
        "cpu_ms_by_stage": stages,
        "alone_ms": {name: round(value, 2) for name, value in per_analysis.items()},
        "overhead_ratio": round(cpu_ms / sum(per_analysis.values()), 3),
        "cpu_cores": round(window.cpu_s / window.wall_s, 2),
        "rss_mb": round(max(window.memory_mb), 1),
        "rss_growth_mb": round(float(np.mean(_last(window.memory_mb)) - np.mean(_first(window.memory_mb))), 1),
        "per_camera": [
            {
                "camera": after.camera,
                "analysed_fps": round(len(window.latencies_s[after.camera]) / window.wall_s, 2),
                "drops": _drops([before], [after]),
                "latency_ms": _percentiles(window.latencies_s[after.camera]),
            }
            for before, after in zip(window.before, window.after, strict=True)
        ],
    }


def stages_alone(
    make_source: Callable[[], Source], detector: Detector, resize: Callable[[Image], Image]
) -> dict[str, float]:
    """Return CPU milliseconds per frame for decoding, converting, resizing and inference, each measured by itself."""
    spent = dict.fromkeys(("decode", "convert", "resize", "inference"), 0.0)
    frames = 0
    source = make_source()
    source.open()
    try:
        while frames < _ALONE_FRAMES and (chunk := _chunk(source, spent)):
            frames += len(chunk)
            started = time.thread_time()
            for frame in chunk:
                resize(frame.image)
            resized = time.thread_time()
            for frame in chunk:
                detector.detect([frame.image])
            spent["resize"] += resized - started
            spent["inference"] += (time.thread_time() - resized) - (resized - started)  # the detector resizes as well
    finally:
        source.close()
    return {name: 1000 * seconds / max(1, frames) for name, seconds in spent.items()}


def _chunk(source: Source, spent: dict[str, float]) -> list[Frame]:
    chunk: list[Frame] = []
    while len(chunk) < _CHUNK:
        started = time.thread_time()
        if source.grab() is None:
            break
        grabbed = time.thread_time()
        chunk.append(source.retrieve())
        spent["decode"] += grabbed - started
        spent["convert"] += time.thread_time() - grabbed
    return chunk


def _statuses(live: Monitor, cameras: Sequence[str]) -> list[CameraStatus]:
    """Return the cameras' statuses without their frames, which would add to the memory measured."""
    return [replace(status, analysis=None) for status in live.statuses() if status.camera in cameras]


def _thread_seconds() -> dict[str, float]:
    """Return CPU seconds of the running threads by stage; a thread that has just ended is left out."""
    seconds: dict[str, float] = {}
    for thread in threading.enumerate():
        stage = _STAGES.get(thread.name.partition("-")[0])
        if stage is not None and thread.ident is not None and thread.is_alive():
            spent_s = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            seconds[stage] = seconds.get(stage, 0.0) + spent_s
    return seconds


def _drops(before: Sequence[CameraStatus], after: Sequence[CameraStatus]) -> dict[str, int]:
    return {
        drop.value: sum(a.drops.get(drop, 0) - b.drops.get(drop, 0) for a, b in zip(after, before, strict=True))
        for drop in Drop
    }


def _percentiles(latencies_s: Sequence[float]) -> dict[str, float]:
    if not latencies_s:
        return {}
    return {f"p{p}": round(1000 * float(np.percentile(latencies_s, p)), 1) for p in (50, 95, 99)}


def _first(values: Sequence[float]) -> Sequence[float]:
    return values[: max(1, len(values) // 4)]


def _last(values: Sequence[float]) -> Sequence[float]:
    return values[-max(1, len(values) // 4) :]

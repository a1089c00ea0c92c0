"""Cameras that misbehave, and their effect on the others."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.bench.live import watch
from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.domain.ports import Source
from monitor.pipeline.monitor import Monitor

KINDS = ("hang", "flood", "flap")
#: The cameras by themselves: once as the baseline, and once to show how much the measurement itself varies.
_ALONE, _AGAIN = "nothing", "nothing, again"

_FLAP_FRAMES = 5
_CALM_S = 1.0


class Misbehaving:
    """A recording as a camera that hangs in a read, floods (gives frames as fast as they decode) or flaps.

    A hanging one gives a few frames and then blocks until `released`; a flapping one fails after a few, each time.
    """

    def __init__(self, kind: str, make: Callable[[], Source], clock: Clock, released: threading.Event) -> None:
        self._kind = kind
        self._make = make
        self._clock = clock
        self._released = released
        self._recording = make()
        self._index = -1
        self._time_s = 0.0
        self.source_id = self._recording.source_id
        self.media_s = None
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0

    def open(self) -> SourceInfo:
        """Open the recording."""
        return replace(self._recording.open(), frame_count=None, live=True)

    def grab(self) -> float | None:
        """Step to the next frame, or misbehave; see the port."""
        self._index += 1
        if self._index >= _FLAP_FRAMES:
            if self._kind == "flap":
                raise SourceError("flapping", Cause.ENDED)
            if self._kind == "hang":
                self._released.wait()
                return None
        if self._recording.grab() is None:
            self._recording.close()
            self._recording = self._make()
            self._recording.open()
            self._recording.grab()
        self._time_s = self._clock.monotonic_s()
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; see the port."""
        frame = self._recording.retrieve()
        return replace(frame, index=self._index, time_s=self._time_s, captured_at=self._clock.utc_now(), media_s=None)

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()


class Disturbance:
    """Measures the cameras of a running monitor in turn: alone, alone again, and with each kind that misbehaves.

    The monitor keeps running, so that the phases of the cameras' frames are the same in every measurement.
    """

    def __init__(
        self,
        live: Monitor,
        cameras: Mapping[str, CameraSettings],
        misbehaving: CameraSettings,
        released: threading.Event,
        clock: Clock,
    ) -> None:
        self._live = live
        self._cameras = cameras
        self._misbehaving = misbehaving
        self._released = released
        self._clock = clock
        self._latencies_s: dict[str, dict[str, list[float]]] = {
            beside: {name: [] for name in cameras} for beside in (_ALONE, _AGAIN, *KINDS)
        }

    def round(self, seconds: float, report: Callable[[str], None]) -> None:
        """Measure for so many seconds with each; `report` is called with a line about each measurement."""
        for beside, collected in self._latencies_s.items():
            if beside in KINDS:
                self._live.apply({**self._cameras, beside: self._misbehaving}, None)
            window = watch(self._live, list(self._cameras), seconds, self._clock, self._live.stopped)
            gave = ""
            if (status := self._live.status(beside)) is not None:
                gave = f", which gave {status.frames} frames"
                self._released.set()  # a hanging one would never end
                self._live.apply(self._cameras, None)
                self._live.stopped.wait(_CALM_S)
                self._released.clear()
            for name, latencies_s in window.latencies_s.items():
                collected[name] += latencies_s
            p95_ms = _p95_ms(_everything(window.latencies_s))
            report(f"next to {beside}{gave}: {window.analysed / window.wall_s:.1f} analyses/s, p95 {p95_ms:.1f} ms")

    def figures(self) -> list[dict[str, Any]]:
        """Return the p95 in milliseconds over all rounds for each kind of disturbance, and its ratio to the baseline.

        `ratio` is of all cameras together, `worst_ratio` of the most affected one. Raises `SourceError` if a camera was
        not analysed.
        """
        by_camera = {beside: self._by_camera(beside) for beside in self._latencies_s}
        together = {beside: _p95_ms(_everything(latencies_s)) for beside, latencies_s in self._latencies_s.items()}
        alone = by_camera[_ALONE]
        return [
            {
                "beside": beside,
                "p95_ms": round(together[beside], 1),
                "ratio": round(together[beside] / together[_ALONE], 3),
                "worst_ratio": round(max(p95_ms[name] / alone[name] for name in self._cameras), 3),
            }
            for beside, p95_ms in by_camera.items()
        ]

    def _by_camera(self, beside: str) -> dict[str, float]:
        for name, latencies_s in self._latencies_s[beside].items():
            if not latencies_s:
                raise SourceError(f"{name} was not analysed next to {beside}: measure longer with --seconds")
        return {name: _p95_ms(latencies_s) for name, latencies_s in self._latencies_s[beside].items()}


def _everything(latencies_s: Mapping[str, Sequence[float]]) -> list[float]:
    return [latency for one in latencies_s.values() for latency in one]


def _p95_ms(latencies_s: Sequence[float]) -> float:
    return 1000 * float(np.percentile(latencies_s, 95)) if latencies_s else 0.0

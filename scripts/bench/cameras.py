"""The live monitor beside cameras that attack it: its memory, and how old the other cameras' pictures become.

`scripts/bench/run cameras --help` lists the options; the figures are printed as JSON.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from monitor.app.replaying import camera_for, default_recording
from monitor.app.watching import build_live, inference_for, live_database, live_folder, open_first, run_of
from monitor.bench.clips import make_clip
from monitor.bench.live import watch
from monitor.config.camera import CameraSettings
from monitor.config.capture import CaptureSettings
from monitor.config.journal import OutputSettings
from monitor.config.settings import Settings
from monitor.domain.address import SourceAddress
from monitor.domain.clock import SystemClock
from monitor.pipeline.monitor import Monitor
from monitor.storage.files import make_folder
from scripts.bench.common import options, report
from scripts.bench.hostile_cameras import HTTP, RTSP

ATTACKS = (*HTTP, *RTSP)
#: Seconds until every camera is live, and until memory is given back after an attack.
_SETTLE_S, _CALM_S = 5.0, 2.0
_SAMPLE_S = 0.1


class Peak:
    """The most memory in MB that this process and its children use together, from now on."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # forget the peak so far
        self.mb = self._start_mb = self._now_mb()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory")

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.mb = max(self.mb, self._now_mb())

    @property
    def rise_mb(self) -> float:
        """How much the peak is over the start."""
        return self.mb - self._start_mb

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self.mb = max(self.mb, self._now_mb())

    def _now_mb(self) -> float:
        own = _kb(Path("/proc/self/status"), "VmHWM")
        return (own + sum(_child_kb(pid) for pid in _descendants("self"))) / 1024


def _child_kb(pid: str) -> int:
    """Return a process's share of memory, and by how much its own peak was higher."""
    folder = Path("/proc") / pid
    try:
        peak, now = (_kb(folder / "status", name) for name in ("VmHWM", "VmRSS"))
        return _kb(folder / "smaps_rollup", "Pss") + peak - now
    except (OSError, KeyError):  # it has ended
        return 0


def _kb(path: Path, name: str) -> int:
    for line in path.read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise KeyError(name)


def _descendants(pid: str) -> Iterator[str]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text("ascii").split()
        except OSError:  # it has ended
            continue
        for child in found:
            if not _is_attacker(child):
                yield child
                yield from _descendants(child)


def _is_attacker(pid: str) -> bool:
    try:
        return b"hostile_cameras" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


@contextmanager
def attacker(name: str) -> Iterator[str]:
    """Run an attack in a process of its own that gives way to the monitor, as on another machine; gives its address."""
    command = ["nice", "-n", "19", sys.executable, "-m", "scripts.bench.hostile_cameras", name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def measure(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of each attack."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(given.video or default_recording(settings), clip, *given.size, given.fps)
        camera = camera_for(settings, SourceAddress(str(clip)))
        camera = camera.model_copy(update={"detect_fps": float(given.fps), "capture": CaptureSettings(loop=True)})
        settings = settings.model_copy(update={"output": OutputSettings(folder=Path(folder) / "results")})
        names = [f"camera-{number}" for number in range(given.cameras)]
        cameras = dict.fromkeys(names, camera)
        first = open_first(settings.detector)
        settings = settings.model_copy(update={"cameras": cameras})
        make_folder(live_folder(settings))
        live = build_live(settings, run_of(settings, first, clock), live_database(settings), clock)
        live.start({}, inference_for(settings.detector, first))
        try:
            for number in range(1, given.cameras + 1):  # spreads their frames evenly over time
                live.apply(dict.fromkeys(names[:number], camera), None)
                live.stopped.wait(1 + 1 / given.fps / given.cameras)
            live.stopped.wait(_SETTLE_S)
            return {name: _beside(name, live, cameras, given, clock) for name in given.attack or ATTACKS}
        finally:
            live.stop()


def _beside(
    name: str, live: Monitor, cameras: dict[str, CameraSettings], given: argparse.Namespace, clock: SystemClock
) -> dict[str, Any]:
    alone: list[float] = []
    beside: list[float] = []
    rises_mb: list[float] = []
    words: dict[str, None] = {}

    def window(latencies_s: list[float]) -> None:
        found = watch(live, list(cameras), given.seconds, clock, live.stopped).latencies_s
        latencies_s += [each for one in found.values() for each in one]

    camera = next(iter(cameras.values()))
    with attacker(name) as address:
        hostile = camera.model_copy(update={"source": SourceAddress(address), "capture": CaptureSettings()})
        for _ in range(given.rounds):
            window(alone)
            with Peak() as peak:
                live.apply({**cameras, name: hostile}, None)
                window(beside)
            rises_mb.append(peak.rise_mb)
            status = live.status(name)
            assert status is not None
            words |= {f"{status.health.condition}: {status.health.detail} ({status.frames} frames)": None}
            live.apply(cameras, None)
            live.stopped.wait(_CALM_S)
    before_ms, beside_ms = (1000 * float(np.percentile(each, 95)) for each in (alone, beside))
    figures = {
        "rise_mb": round(max(rises_mb)),
        "p95_alone_ms": round(before_ms, 1),
        "p95_ms": round(beside_ms, 1),
        "ratio": round(beside_ms / before_ms, 2),
        "shown": list(words),
    }
    print(name, figures, file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    parser = options(str(__doc__).split("\n", maxsplit=1)[0], cameras=2)
    parser.add_argument("--attack", choices=ATTACKS, action="append", help="measure this one; all if none")
    parser.add_argument("--rounds", type=int, default=2, help="how often to measure with and without each")
    parser.set_defaults(seconds=5.0)
    report(parser.parse_args(), measure)

"""The live monitor beside cameras that attack it: its memory, and how old the other cameras' pictures become.

`scripts/bench/run cameras --help` lists the options; the figures are printed as JSON.
"""

import argparse
import sys
import tempfile
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
from scripts.bench.hostile_cameras import ATTACKS, HOSTILE, attacker
from scripts.bench.memory import Peak

#: Seconds until every camera is live, and until memory is given back after an attack.
_SETTLE_S, _CALM_S = 5.0, 2.0
#: Attackers give way to the monitor: they stand for other machines.
_NICE = 19


def measure(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of each attack."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        width, height = given.size
        make_clip(given.video or default_recording(settings), clip, width, height, given.fps)
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
    with attacker(name, nice=_NICE) as address:
        hostile = camera.model_copy(update={"source": SourceAddress(address), "capture": CaptureSettings()})
        for _ in range(given.rounds):
            window(alone)
            with Peak(HOSTILE) as peak:
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

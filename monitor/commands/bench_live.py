"""`monitor bench live`."""

import logging
import statistics
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.table import Table

from monitor.app.journals import live_place
from monitor.app.replaying import camera_for, default_recording
from monitor.app.watching import build_live, inference_for, live_database, live_folder, open_first, run_of
from monitor.bench.clips import make_clip
from monitor.bench.disturb import KINDS, Disturbance, Misbehaving
from monitor.bench.live import Window, figures, stages_alone, watch
from monitor.bench.with_clips import compared, playable_after_s
from monitor.commands.show import notes, out, print_json
from monitor.config.camera import CameraSettings
from monitor.config.capture import CaptureSettings
from monitor.config.clips import ClipsSettings
from monitor.config.journal import OutputSettings
from monitor.config.settings import Settings
from monitor.detectors.fitting import ModelInput
from monitor.detectors.opening import OpenedDetector
from monitor.detectors.resize import resize_to_input
from monitor.domain.address import SourceAddress
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.domain.ports import Source
from monitor.pipeline.monitor import Monitor
from monitor.sources.opening import make_recording
from monitor.storage.clip_folder import ClipFolder
from monitor.storage.files import make_folder

#: Seconds after the start until models are loaded, rates are measured and every camera is live.
_SETTLE_S = 5.0
_COUNTS = (1, 2, 4, 8, 16, 32)
#: The address of cameras that misbehave: a network address that nothing listens on.
_UNREACHABLE = "rtsp://127.0.0.1:9/"


def bench_live(
    settings: Settings,
    video: Path | None,
    *,
    cameras: int,
    size: tuple[int, int],
    fps: int,
    seconds: float,
    rounds: int,
    grow: bool,
    disturb: bool,
    clips: bool,
    as_json: bool,
) -> None:
    """Play a clip as several cameras through the live monitor, and print its throughput and cost."""
    video = video or default_recording(settings)
    logging.getLogger("monitor").addHandler(logging.NullHandler())  # the figures contain what the cameras report
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(video, clip, *size, fps)
        bench = LiveBench(settings, clip, Path(folder) / "results", fps)
        if grow:
            values: Any = [bench.round(count, seconds) for count in _COUNTS]
        elif disturb:
            values = bench.disturbed(cameras, seconds, rounds)
        elif clips:
            values = bench.with_clips(cameras, seconds, rounds)
        else:
            values = median_of([bench.round(cameras, seconds) for _ in range(rounds)])
    if as_json:
        print_json(values)
    elif grow:
        _show_growth(values)
    elif disturb:
        _show_disturbed(values)
    elif clips:
        _show_clips(values)
    else:
        _show(values)


class LiveBench:
    """One clip, measured as often as needed."""

    def __init__(self, settings: Settings, clip: Path, folder: Path, fps: int) -> None:
        self._clip = clip
        self._fps = fps
        self._clock = SystemClock()
        self._camera = camera_for(settings, SourceAddress(str(clip))).model_copy(
            update={"detect_fps": float(fps), "capture": CaptureSettings(loop=True)}
        )
        self._settings = settings.model_copy(update={"output": OutputSettings(folder=folder)})

    def disturbed(self, count: int, seconds: float, rounds: int) -> list[dict[str, Any]]:
        """Return the p95 latency of `count` cameras next to each kind of misbehaving camera, and alone."""
        first = open_first(self._settings.detector)
        names = _names(count)
        released = threading.Event()
        replaced = {kind: self._misbehaving(kind, released) for kind in KINDS}
        cameras = dict.fromkeys(names, self._camera)
        network = self._camera.model_copy(update={"source": SourceAddress(_UNREACHABLE), "capture": CaptureSettings()})
        live = self._live(cameras, first, replaced)
        disturbance = Disturbance(live, cameras, network, released, self._clock)
        live.start({}, inference_for(self._settings.detector, first))
        try:
            for number in range(1, count + 1):  # spreads their frames evenly over time
                live.apply(dict.fromkeys(names[:number], self._camera), None)
                live.stopped.wait(1 + 1 / self._fps / count)
            live.stopped.wait(_SETTLE_S)
            for _ in range(rounds):
                disturbance.round(seconds, notes.print)
        finally:
            released.set()
            self._stop(live)
        return disturbance.figures()

    def with_clips(self, count: int, seconds: float, rounds: int) -> dict[str, Any]:
        """Measure `count` cameras without and with clips of their incidents, in turn."""
        plain, keeping = self._camera, self._camera.model_copy(update={"clips": ClipsSettings(enabled=True)})
        without, with_clips = [], []
        try:
            for _ in range(rounds):
                self._camera = plain
                without.append(self.round(count, seconds))
                self._camera = keeping
                with_clips.append(self.round(count, seconds))
        finally:
            self._camera = plain
        return compared(without, with_clips)

    def round(self, count: int, seconds: float) -> dict[str, Any]:
        """Measure `count` cameras, then each stage alone."""
        started_s = self._clock.monotonic_s()
        first = open_first(self._settings.detector)
        names = _names(count)
        cameras = dict.fromkeys(names, self._camera)
        live = self._live(cameras, first)
        live.start(cameras, inference_for(self._settings.detector, first))
        try:
            first_verdict_s = self._first_verdict(live, started_s)
            window = self._watch(live, names, seconds)
            kept = self._kept(live)
        finally:
            self._stop(live)
        values = figures(window, self._alone(first)) | {"first_verdict_s": round(first_verdict_s, 2)} | kept
        notes.print(
            f"{count} camera(s): {values['analysed_fps']} analyses/s, p95 {values['latency_ms'].get('p95')} ms, "
            f"{values['cpu_ms_per_frame']} ms CPU per analysis, {values['rss_mb']:.0f} MB"
        )
        return values

    def _live(
        self,
        cameras: Mapping[str, CameraSettings],
        first: OpenedDetector,
        replaced: Mapping[str, Callable[[], Source]] = MappingProxyType({}),
    ) -> Monitor:
        settings = self._settings.model_copy(update={"cameras": cameras})
        make_folder(live_folder(settings))
        run = run_of(settings, first, self._clock)
        return build_live(settings, run, live_database(settings), self._clock, replaced=replaced)

    def _stop(self, live: Monitor) -> None:
        live.stop()
        if stuck := live.running():
            raise SourceError(f"{self._clip}: still being read after the end: {', '.join(stuck)}")

    def _kept(self, live: Monitor) -> dict[str, Any]:
        """Return what clips keep in memory, and how soon they could be played."""
        clips = self._camera.clips
        if live.clips is None or not clips.enabled:
            return {}
        waits = playable_after_s(
            live_database(self._settings)(), ClipFolder(live_place(self._settings).clips), clips.post_s
        )
        return {"ring_mb": live.clips.kept_bytes() / 2**20, "playable_after_s": waits}

    def _misbehaving(self, kind: str, released: threading.Event) -> Callable[[], Source]:
        return lambda: Misbehaving(kind, self._recording, self._clock, released)

    def _first_verdict(self, live: Monitor, started_s: float) -> float:
        while not any(status.analysed for status in live.statuses()) and not live.stopped.wait(0.02):
            pass
        return self._clock.monotonic_s() - started_s

    def _watch(self, live: Monitor, names: Sequence[str], seconds: float) -> Window:
        live.stopped.wait(_SETTLE_S)
        return watch(live, names, seconds, self._clock, live.stopped)

    def _recording(self) -> Source:
        return make_recording("recording", SourceAddress(str(self._clip)))

    def _alone(self, opened: OpenedDetector) -> dict[str, float]:
        result: dict[str, float] = {}
        fresh = open_first(self._settings.detector)
        taken = opened.input or ModelInput(320, 320)

        def measure() -> None:
            result.update(
                stages_alone(
                    self._recording,
                    fresh.detector,
                    lambda image: resize_to_input(image, taken),
                )
            )

        thread = threading.Thread(target=measure, name="alone")
        thread.start()
        thread.join()
        fresh.detector.close()
        return result


def _names(count: int) -> list[str]:
    return [f"camera-{number:02d}" for number in range(1, count + 1)]


def median_of(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the round of median throughput, with the figures that vary most as medians over all rounds."""
    middle = sorted(rounds, key=lambda values: values["analysed_fps"])[len(rounds) // 2]
    ratio = statistics.median(values["overhead_ratio"] for values in rounds)
    return middle | {"rounds": len(rounds), "overhead_ratio": ratio}


def _show(values: dict[str, Any]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("camera", "analyses/s", "p50", "p95", "p99", "skipped", "superseded", "late", "corrupt", "failed"):
        table.add_column(name, justify="left" if name == "camera" else "right")
    for row in [*values["per_camera"], values | {"camera": "all"}]:
        latency, drops = row["latency_ms"], row["drops"]
        table.add_row(
            row["camera"],
            f"{row['analysed_fps']:.1f}",
            *(f"{latency[p]:.0f} ms" if latency else "-" for p in ("p50", "p95", "p99")),
            *(str(drops[name]) for name in ("skipped", "superseded", "late", "corrupt", "failed")),
            style="bold" if row["camera"] == "all" else None,
        )
    out.print(table)
    cost = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    cost.add_column(style="dim")
    cost.add_column(justify="right")
    cost.add_row("CPU per analysis", f"{values['cpu_ms_per_frame']:.2f} ms")
    for name, spent in values["cpu_ms_by_stage"].items():
        cost.add_row(f"  {name}", f"{spent:.2f} ms")
    for name, spent in values["alone_ms"].items():
        cost.add_row(f"  {name} alone", f"{spent:.2f} ms")
    cost.add_row("whole / sum of stages alone", f"{values['overhead_ratio']:.3f}")
    cost.add_row("first verdict after", f"{values['first_verdict_s']:.2f} s")
    cost.add_row("memory", f"{values['rss_mb']:.0f} MB ({values['rss_growth_mb']:+.1f} MB from first to last quarter)")
    out.print(cost)


def _show_growth(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("cameras", "analyses/s", "p95", "CPU per analysis", "cores", "memory", ""):
        table.add_column(name, justify="left" if not name else "right")
    most = max(row["cpu_ms_per_frame"] for row in rows)
    for row in rows:
        table.add_row(
            str(row["cameras"]),
            f"{row['analysed_fps']:.1f}",
            f"{row['latency_ms'].get('p95', 0):.0f} ms",
            f"{row['cpu_ms_per_frame']:.2f} ms",
            f"{row['cpu_cores']:.2f}",
            f"{row['rss_mb']:.0f} MB",
            "█" * round(30 * row["cpu_ms_per_frame"] / most),
        )
    out.print(table)


def _show_clips(values: dict[str, Any]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "without clips", "with clips", ""):
        table.add_column(name, justify="right" if name else "left")
    cpu, memory = values["cpu_ms_per_frame"], values["rss_mb"]
    rates = values["analysed_fps"]
    table.add_row("CPU per analysis", f"{cpu[0]:.2f} ms", f"{cpu[1]:.2f} ms", f"{values['cpu_ratio']:.3f} x")
    table.add_row("memory", f"{memory[0]:.0f} MB", f"{memory[1]:.0f} MB", f"{values['rss_more_mb']:+.0f} MB")
    table.add_row("packets kept", "", f"{values['ring_mb']:.1f} MB", f"{values['cameras']} camera(s)")
    table.add_row("analyses/s", f"{rates[0]:.1f}", f"{rates[1]:.1f}", "")
    if waits := values["playable_after_s"]:
        table.add_row("playable after its end", "", f"{waits[0]:.2f} s", f"{waits[1]:.2f} s at most")
    out.print(table)


def _show_disturbed(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("next to")
    for name in ("p95", "relative to alone", "for the most affected camera"):
        table.add_column(name, justify="right")
    for row in rows:
        beside = f"a camera that {row['beside']}s" if row["beside"] in KINDS else row["beside"]
        ratios = (f"{row['ratio']:.2f} x", f"{row['worst_ratio']:.2f} x")
        table.add_row(beside, f"{row['p95_ms']:.1f} ms", *ratios)
    out.print(table)

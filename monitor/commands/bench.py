"""`monitor bench replay`."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from monitor.app.replaying import ReplayRequest, camera_for, default_recording, open_replay_detectors, run_replay
from monitor.bench.replay import ReplayStages
from monitor.bench.replay import bench_replay as measure
from monitor.commands.show import out, print_json
from monitor.config.settings import Settings
from monitor.detectors.fitting import ModelInput
from monitor.detectors.resize import resize_to_input
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.track import Analysis
from monitor.sources.opening import make_recording


def bench_replay(settings: Settings, video: Path | None, rounds: int, *, as_json: bool) -> None:
    """Measure a replay and its parts, and print them."""
    video = video or default_recording(settings)
    detectors = open_replay_detectors(settings)
    detector = detectors[0]
    camera = camera_for(settings, SourceAddress(str(video)))
    taken = detector.input or ModelInput(320, 320)

    def whole(on_analysis: Callable[[Analysis], None]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            request = ReplayRequest(name=video.stem, camera=camera, folder=Path(folder), on_analysis=on_analysis)
            summary = run_replay(request, detectors).summary
        if summary.end_reason is EndReason.INTERRUPTED:
            raise KeyboardInterrupt
        if summary.error is not None:
            raise SourceError(summary.error)
        return summary.media_s

    parts = ReplayStages(
        make_source=lambda: make_recording(video.stem, camera.source),
        detector=detector.detector,
        resize=lambda image: resize_to_input(image, taken),
        overlay=camera.overlay,
        whole=whole,
    )
    values = measure(parts, rounds) | {"model": detector.folder.name, "file": detector.file.name}
    if as_json:
        print_json(values)
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("real time factor", f"{values['realtime_factor']:.2f} x")
    table.add_row("CPU per frame", f"{values['cpu_ms_per_frame']:.2f} ms")
    for name, spent in values["parts_ms_per_frame"].items():
        table.add_row(f"  {name} alone", f"{spent:.2f} ms")
    table.add_row("whole / sum of parts", f"{values['overhead_ratio']:.3f}")
    table.add_row("peak memory", f"{values['peak_rss_mb']:.0f} MB")
    out.print(table)

"""`monitor probe`."""

from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from monitor.app.replaying import camera_for
from monitor.commands.show import out, print_json, progress
from monitor.config.rules import RulesSettings
from monitor.config.settings import Settings
from monitor.detectors.opening import open_detector
from monitor.domain.address import SourceAddress, SourceKind
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.probe.advice import SOFT, Advice, Severity, advise
from monitor.probe.delivery import ProbePlan, StreamFacts
from monitor.probe.process import examine
from monitor.probe.scene import SceneFacts, SceneMeasure, histogram, histogram_edges
from monitor.rules.quality import GOOD_FACE_PX
from monitor.sources.ping import is_reachable

#: Seconds to watch by default: a recording is read faster than it plays.
_LIVE_S, _RECORDED_S = 10.0, 60.0

_BAR = 24

_MARKS = {Severity.SERIOUS: ("red bold", "!!"), Severity.WARNING: ("yellow", "! "), Severity.NOTE: ("cyan", "i ")}


def probe(settings: Settings, source: str, seconds: float | None, *, as_json: bool) -> None:
    """Watch a source, and print what it delivers and what to change; raises `SourceError` if it cannot be opened."""
    camera = settings.cameras.get(source) or camera_for(settings, _address(settings, source))
    address, rules = camera.source, camera.rules
    recorded = address.kind is SourceKind.FILE
    plan = ProbePlan(seconds or (_RECORDED_S if recorded else _LIVE_S), capture=camera.capture)
    detector = open_detector(settings.detector, threads=1)
    measure = SceneMeasure(rules)

    def analyse(time_s: float, image: Image) -> None:
        measure.add(time_s, image, detector.detector.detect([image])[0])

    try:
        with progress(f"{'reading' if recorded else 'watching'}, seconds", rate=False) as report:
            stream = examine(address, plan, analyse, lambda done_s: report(round(done_s), round(plan.seconds)))
    finally:
        detector.detector.close()
    scene = measure.facts()
    place = detector.input.place(stream.height_px, stream.width_px) if detector.input and stream.height_px else None
    model_height_px = None if place is None else place.height_px
    advice = advise(stream, scene, rules, model_height_px)
    if as_json:
        print_json(_values(address, stream, scene, advice, rules))
        return
    _print(address, stream, scene, advice, rules)


def _address(settings: Settings, source: str) -> SourceAddress:
    address = SourceAddress(source)
    if address.kind is SourceKind.FILE and not is_reachable(address, 0):
        cameras = ", ".join(settings.cameras) or "none"
        raise SourceError(f"{address}: no such file, and no such camera; the configuration has {cameras}")
    return address


def _values(
    address: SourceAddress, stream: StreamFacts, scene: SceneFacts, advice: list[Advice], rules: RulesSettings
) -> dict[str, Any]:
    edges = histogram_edges(rules)
    values = {
        "source": str(address),
        "stream": asdict(stream),
        "scene": asdict(scene),
        "face_height_histogram": {"edges_px": edges, "counts": histogram(scene.face_heights_px, edges)},
        "advice": [asdict(item) for item in advice],
    }
    return {key: _rounded(value) for key, value in values.items()}


def _rounded(value: Any) -> Any:
    """Return the value with its numbers rounded to four decimals."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _print(
    address: SourceAddress, stream: StreamFacts, scene: SceneFacts, advice: list[Advice], rules: RulesSettings
) -> None:
    out.print(Text(str(address), style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, words in [*_stream_rows(stream), *_scene_rows(scene)]:
        table.add_row(name, Text(words))
    out.print(table, soft_wrap=False)
    if scene.faces:
        out.print()
        out.print(_histogram(scene, rules), soft_wrap=False)
    out.print()
    if not advice:
        what = "camera" if stream.live else "recording"
        out.print(Text(f"Nothing to change: this {what} is suitable for mask detection.", style="green"))
        return
    lines = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column()
    for item in advice:
        style, mark = _MARKS[item.severity]
        change = Text.assemble((item.found, "bold"), f" {item.why}\n", (f"-> {item.change}", style))
        lines.add_row(Text(mark, style=style), change)
    out.print(lines, soft_wrap=False)


def _stream_rows(stream: StreamFacts) -> list[tuple[str, str]]:
    delivery = stream.delivery
    codec = f"{stream.codec} {stream.profile or ''}".strip()
    picture = f"{stream.width_px} x {stream.height_px}, {codec}, {stream.pixel_format or 'pixel format unknown'}"
    picture += f", turned by {stream.rotation_deg} degrees" if stream.rotation_deg else ""
    picture += ", interlaced" if stream.interlaced else ""
    length = f" of {stream.length_s:.1f} s" if stream.length_s else ""
    received = f"{delivery.frames} frames in {delivery.watched_s:.1f} s{length}, {stream.container}"
    received += f"; {delivery.at_once} of them buffered before" if delivery.at_once > 1 else ""
    received += f"; {delivery.missing} missing" if delivery.missing else ""
    received += f"; {stream.corrupt} damaged" if stream.corrupt else ""
    rate = f"{delivery.fps:.1f} frames per second" if delivery.fps else "unknown"
    rate += f" ({stream.nominal_fps:g} stated)" if stream.nominal_fps else ""
    rate += ", variable" if delivery.variable_rate else ""
    rows = [("picture", picture), ("received", received), ("rate", rate)]
    if delivery.jitter_ms is not None and delivery.worst_gap_ms is not None:
        drift = f", clock {delivery.drift_percent:+.1f} %" if delivery.drift_percent else ""
        rows.append(
            ("timing", f"jitter {delivery.jitter_ms:.1f} ms, longest gap {delivery.worst_gap_ms:.0f} ms{drift}")
        )
    if delivery.bitrate_kbps:
        rows.append(("bitrate", f"{delivery.bitrate_kbps:.0f} kbit/s"))
    if stream.kind is not SourceKind.WEBCAM:
        rows.append(("keyframes", _keyframes(stream) + (", B-frames" if delivery.b_frames else "")))
    if stream.live:
        rows.append(("start", f"opened after {stream.open_s:.1f} s, first picture after {stream.first_frame_s:.1f} s"))
    if stream.decode_ms is not None:
        load = f", {stream.decode_ms * delivery.fps / 10:.0f} % of a core" if stream.live and delivery.fps else ""
        convert = f", {stream.convert_ms:.1f} ms to convert" if stream.convert_ms is not None else ""
        rows.append(("cost", f"{stream.decode_ms:.1f} ms per frame to decode{load}{convert}"))
    return [*rows, ("sound", stream.audio)] if stream.audio else rows


def _keyframes(stream: StreamFacts) -> str:
    delivery = stream.delivery
    if delivery.keyframe_interval_s is None:
        return "unknown"
    if delivery.keyframe_interval_exact:
        return f"every {delivery.keyframe_interval_s:.2g} s"
    return f"none for {delivery.keyframe_interval_s:.1f} s"


def _scene_rows(scene: SceneFacts) -> list[tuple[str, str]]:
    if scene.luma is None or scene.contrast is None:
        return []
    light = f"{scene.luma:.0f} of 255, contrast {scene.contrast:.0f}, {100 * (scene.burnt_share or 0):.0f} % burnt out"
    light += f"; faces {scene.face_luma:.0f}" if scene.face_luma is not None else ""
    faces = f"{scene.faces} in {scene.pictures_with_faces} of {scene.pictures} pictures"
    rows = [("light", light), ("faces", faces)]
    if scene.large_enough_share is not None and scene.in_full_share is not None and scene.usable_share is not None:
        sizes = (
            f"{100 * scene.large_enough_share:.0f} % large enough, "
            f"{100 * scene.in_full_share:.0f} % large enough for full weight"
        )
        rows.append(("", f"{sizes}; {100 * scene.usable_share:.0f} % whole and sharp as well"))
    if scene.face_sharpness is not None:
        rows.append(("sharpness", f"{scene.face_sharpness:.0f} (median; at least {SOFT:.0f} recommended)"))
    return rows


def _histogram(scene: SceneFacts, rules: RulesSettings) -> Table:
    edges = histogram_edges(rules)
    counts = histogram(scene.face_heights_px, edges)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for index, count in enumerate(counts):
        low = edges[index - 1] if index else 0.0
        high = f"{edges[index]:g}" if index < len(edges) else None
        name = f"under {high}" if not index else f"{low:g} to {high}" if high else f"{low:g} and more"
        weight = "full" if low >= GOOD_FACE_PX else "partial" if low >= rules.min_face_px else "none"
        colour = {"full": "green", "partial": "yellow", "none": "red"}[weight]
        bar = Text("█" * round(_BAR * count / max(counts)) or ("▏" if count else ""), style=colour)
        table.add_row(f"{name} px", bar, str(count), f"weight: {weight}")
    return table

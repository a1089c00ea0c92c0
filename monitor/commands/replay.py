"""`monitor replay`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from monitor.app.replaying import (
    ReplayRequest,
    ReplayResult,
    camera_for,
    holds_another,
    open_replay_detectors,
    recorded_cameras,
    run_replay,
)
from monitor.commands.show import notes, out, print_json, progress
from monitor.config.camera import CameraSettings
from monitor.config.settings import Settings
from monitor.detectors.opening import OpenedDetector
from monitor.domain.address import SourceAddress, SourceKind, name_of, printable
from monitor.domain.errors import ConfigError, MonitorError, SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import SourceInfo
from monitor.replay.report import OUTCOME_WORDS
from monitor.rules.statistics import compliance

#: Folder names that replays may not use: of the monitor, the sample, pictures, the kiosk, and bundled recordings.
_RESERVED = ("live", "sample", "images", "kiosk", "samples")

#: The most characters of an extension in a name.
_SUFFIX = 6


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """One recording to replay. `avoided` is the folder of its own name, if that contains other results."""

    name: str
    camera: CameraSettings
    folder: Path
    avoided: Path | None = None


def plan_replays(settings: Settings, videos: list[str], camera: str | None, folder: Path | None) -> list[ReplayPlan]:
    """Return what to replay and where its results go: `folder` itself for one, a folder below it for each of many.

    A folder that contains the results of another recording is not used, so that results are never mixed, unless it is
    the `folder` for one recording. Raises `ConfigError` for an unknown camera or nothing to replay.
    """
    if camera is not None:
        settings.require_cameras(camera, where="--camera")
    if videos:
        base = settings.cameras.get(camera) if camera else None
        chosen: dict[str, CameraSettings] = {}
        names = _names(videos)
        for video in videos:
            address = SourceAddress(video)
            if address.kind is not SourceKind.FILE:
                raise SourceError(f"{address}: replay reads recordings only; to watch a camera, use: monitor run")
            own = base.model_copy(update={"source": address}) if base else camera_for(settings, address)
            chosen[_free_name(names[video], chosen)] = own
    else:
        recorded = recorded_cameras(settings)
        chosen = {camera: settings.cameras[camera]} if camera else recorded
        if not chosen:
            raise ConfigError(
                "nothing to replay: name a video, or add a camera to the configuration whose source is a file"
            )
    below = folder or settings.output.folder
    if folder is not None and len(chosen) == 1:
        return [ReplayPlan(name, own, folder) for name, own in chosen.items()]
    plans: list[ReplayPlan] = []
    for name, own in chosen.items():
        preferred = below / name
        free = _free_folder(preferred, own.source, {*_RESERVED, *(plan.folder.name.casefold() for plan in plans)})
        plans.append(ReplayPlan(name, own, free, None if free == preferred else preferred))
    return plans


def replay(
    settings: Settings,
    plans: list[ReplayPlan],
    *,
    video: bool,
    detect_fps: float | None,
    decode_threads: int,
    as_json: bool,
) -> int:
    """Replay each recording, print a summary, and return the exit code."""
    detectors = open_replay_detectors(settings)
    values: list[dict[str, Any]] = []
    code = 0
    for plan in plans:
        try:
            result = _replay_one(settings, plan, detectors, video, detect_fps, decode_threads)
        except MonitorError as error:  # the other recordings are still replayed
            if len(plans) == 1:
                raise
            notes.print(f"error: {error}", markup=False, style="red")
            code = error.exit_code
            values.append({"name": plan.name, "folder": str(plan.folder), "error": str(error)})
            continue
        values.append(_values(result))
        if result.summary.error is not None:
            notes.print(f"error: {result.summary.error}", markup=False, style="red")
            code = SourceError.exit_code
        if not as_json:
            _show(result, plan.avoided)
        if result.summary.end_reason is EndReason.INTERRUPTED:
            code = 130
            break
    if as_json:
        print_json(values)
    return code


def _replay_one(
    settings: Settings,
    plan: ReplayPlan,
    detectors: Sequence[OpenedDetector],
    video: bool,
    detect_fps: float | None,
    decode_threads: int,
) -> ReplayResult:
    total: list[int | None] = [None]

    def on_open(info: SourceInfo) -> None:
        total[0] = info.frame_count

    with progress(plan.name) as report:
        request = ReplayRequest(
            name=plan.name,
            camera=plan.camera,
            folder=plan.folder,
            video=video,
            detect_fps=detect_fps,
            decode_threads=decode_threads,
            key_folder=settings.output.folder,
            on_open=on_open,
            on_frame=lambda done: report(done, total[0]),
        )
        return run_replay(request, detectors)


def _names(videos: Sequence[str]) -> dict[str, str]:
    """Return a name for each video: without the extension, unless names differ in the extension only."""
    suffixes: dict[str, set[str]] = {}
    for video in videos:
        suffixes.setdefault(name_of(Path(video)).casefold(), set()).add(Path(video).suffix.casefold())
    return {video: _name(Path(video), whole=len(suffixes[name_of(Path(video)).casefold()]) > 1) for video in videos}


def _name(path: Path, *, whole: bool) -> str:
    name, suffix = name_of(path), printable(path.suffix)[:_SUFFIX] if whole else ""
    return name[: 60 - len(suffix)] + suffix


def _free_name(name: str, taken: dict[str, Any]) -> str:
    if name not in taken:
        return name
    return next(new for number in range(2, len(taken) + 3) if (new := f"{name}-{number}") not in taken)


def _free_folder(preferred: Path, source: SourceAddress, taken: set[str]) -> Path:
    numbered = (preferred.with_name(f"{preferred.name}-{number}") for number in count(2))
    return next(
        folder
        for folder in chain([preferred], numbered)
        if folder.name.casefold() not in taken and not holds_another(folder, source)
    )


def _show(result: ReplayResult, avoided: Path | None) -> None:
    summary, figures = result.summary, compliance(result.history.visits)
    speed = summary.media_s / summary.wall_s if summary.wall_s > 0 else 0.0
    table = Table(title=None, box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    rate = "no outcome could be determined"
    if figures.rate is not None and figures.low is not None and figures.high is not None:
        rate = (
            f"{figures.rate:.0%} ({figures.complied} of {figures.decided} people with a determined outcome; "
            f"95% interval {figures.low:.0%} to {figures.high:.0%})"
        )
    table.add_row("compliance", rate)
    counts = ", ".join(f"{count} {OUTCOME_WORDS[outcome]}" for outcome, count in figures.outcomes.items() if count)
    table.add_row("visits", f"{figures.visits}" + (f" ({counts})" if counts else ""))
    table.add_row("incidents", str(len(result.history.incidents)))
    table.add_row(
        "replayed",
        f"{summary.frames} frames, {summary.media_s:.1f} s in {summary.wall_s:.1f} s ({speed:.1f} x real time)",
    )
    if summary.end_reason is not EndReason.FINISHED:
        table.add_row("ended", summary.end_reason.value)
    for note in summary.notes:
        table.add_row("note", escape(note))
    table.add_row("report", escape(str(result.request.folder / "report.html")))
    if result.request.video:
        table.add_row("video", escape(str(result.request.folder / "annotated.mp4")))
    if avoided is not None:
        table.add_row("note", escape(f"{avoided} is not used: it contains the results of another recording"))
    out.print(f"[bold]{escape(result.request.name)}[/bold]")
    out.print(table)


def _values(result: ReplayResult) -> dict[str, Any]:
    summary = result.summary
    figures = asdict(compliance(result.history.visits))
    return {
        "name": result.request.name,
        "folder": str(result.request.folder),
        "frames": summary.frames,
        "analysed_frames": summary.analysed_frames,
        "media_s": round(summary.media_s, 3),
        "wall_s": round(summary.wall_s, 3),
        "end_reason": summary.end_reason.value,
        "error": summary.error,
        "notes": list(summary.notes),
        "incidents": len(result.history.incidents),
        "compliance": figures,
    }

"""Builds and runs replays."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor import __version__
from monitor.app.analysis import make_analyzer
from monitor.app.journals import JOURNAL
from monitor.config.camera import OVERRIDABLE, CameraSettings
from monitor.config.capture import WEBCAM_KEYS
from monitor.config.detector import Backend
from monitor.config.fingerprint import as_yaml, fingerprint
from monitor.config.settings import Settings
from monitor.detectors.cores import cores
from monitor.detectors.folder import sha256_of
from monitor.detectors.opening import OpenedDetector, open_detector, open_same
from monitor.domain.address import SourceAddress, SourceKind
from monitor.domain.errors import ConfigError, MonitorError, OutputError
from monitor.domain.frame import SourceInfo
from monitor.domain.ports import Sink
from monitor.domain.track import Analysis
from monitor.evidence.signing import ChainSigner, evidence_key
from monitor.outputs.video import check_encoder
from monitor.replay.recorder import SinkRecorder
from monitor.replay.report import Provenance, write_report
from monitor.replay.results import History, Summary
from monitor.replay.run import Replay
from monitor.sources.opening import make_recording
from monitor.storage.database import open_database, sqlite_url
from monitor.storage.evidence_kinds import FOLDERS, PICTURE
from monitor.storage.files import claimed, finish, make_folder, partial, refuse_overwriting, writing
from monitor.storage.journal import Journal
from monitor.storage.lines import EventLines, ViolationLines, VisitTable
from monitor.storage.run_info import CurrentRun, RunInfo


def _nothing(_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """One recording to replay. `detect_fps` None analyses every frame.

    `key_folder` is that of the key which signs the chain; None: it is not signed.
    """

    name: str
    camera: CameraSettings
    folder: Path
    video: bool = True
    detect_fps: float | None = None
    decode_threads: int = 1
    key_folder: Path | None = None
    on_open: Callable[[SourceInfo], None] = _nothing
    on_frame: Callable[[int], None] = _nothing
    on_analysis: Callable[[Analysis], None] = _nothing


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay."""

    request: ReplayRequest
    history: History
    summary: Summary


def camera_for(settings: Settings, address: SourceAddress) -> CameraSettings:
    """Return the settings for a source that the configuration does not name: the global ones."""
    shared = {name: getattr(settings, name) for name in OVERRIDABLE}
    if address.kind is not SourceKind.WEBCAM:
        shared["capture"] = settings.capture.model_copy(update=dict.fromkeys(WEBCAM_KEYS))
    return CameraSettings(source=address, **shared)


def recorded_cameras(settings: Settings) -> dict[str, CameraSettings]:
    """Return the configuration's cameras whose source is a file: those that can be replayed."""
    return {name: camera for name, camera in settings.cameras.items() if camera.source.kind is SourceKind.FILE}


def default_recording(settings: Settings) -> Path:
    """Return the first recording that the configuration names; raises `ConfigError` if there is none."""
    for camera in recorded_cameras(settings).values():
        return Path(camera.source.value)
    raise ConfigError("the configuration has no camera whose source is a file: name a video on the command line")


def open_replay_detectors(settings: Settings) -> list[OpenedDetector]:
    """Open the detectors for a replay.

    On LiteRT: one single-threaded interpreter per core, which analyse different frames at the same time and are faster
    than one interpreter with many threads; or one with the number of threads in the settings. On TensorFlow: one.
    """
    first = open_detector(settings.detector, threads=1)
    if first.backend is Backend.SAVEDMODEL or settings.detector.threads != "auto":
        return [first]
    return [first] + [open_same(settings.detector, 1, first) for _ in range(cores() - 1)]


def run_replay(request: ReplayRequest, detectors: Sequence[OpenedDetector]) -> ReplayResult:
    """Replay one recording and write its results; raises `SourceError`, `ModelError`, `OutputError`.

    Files get their final names when they are complete; the journal is appended to.
    """
    # A stage returning from native code waits at most this long for the interpreter lock, instead of 5 ms.
    sys.setswitchinterval(0.0005)
    video = request.folder / "annotated.mp4"
    if request.video:
        check_encoder()
    with _folder_for_results(request.folder):
        refuse_overwriting(Path(request.camera.source.value), [*_results(request), video])
        replay, history = _build_replay(request, detectors)
        with claimed(request.folder, "--out"), _finished_on_signals(replay):
            try:
                summary = replay.run()
            except BaseException:
                partial(video).unlink(missing_ok=True)  # no player opens a video without its index
                raise
            for file in _results(request):
                finish(file)
            if not request.video:
                with writing(video):
                    video.unlink(missing_ok=True)  # from an earlier replay; it does not match the new events
            write_report(request.folder / "report.html", history, summary, _provenance(request, detectors[0]))
    return ReplayResult(request, history, summary)


def holds_another(folder: Path, source: SourceAddress) -> bool:
    """Return whether the results in a folder are of another recording, by the hash in their report.

    Folders of images have no hash and cannot be distinguished.
    """
    recording = Path(source.value)
    try:
        report = (folder / "report.html").read_bytes()
        return recording.is_file() and sha256_of(recording).encode() not in report
    except (OSError, MonitorError):  # no results, or an unreadable recording, which the replay reports
        return False


@contextmanager
def _folder_for_results(folder: Path) -> Iterator[None]:
    """Create the folder; on failure remove the folders created."""
    with writing(folder):
        made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        make_folder(folder)
        yield
    except BaseException:
        for path in made:  # the inner one first
            # Fails if the folder is not empty, or another run has just claimed it.
            with suppress(OSError, OutputError), claimed(path):
                path.rmdir()
        raise


@contextmanager
def _finished_on_signals(replay: Replay) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM end the reading, while the results are still completed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: replay.interrupt())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _build_replay(request: ReplayRequest, detectors: Sequence[OpenedDetector]) -> tuple[Replay, History]:
    camera, folder, history, detector = request.camera, request.folder, History(), detectors[0]
    run = RunInfo(
        kind="replay",
        started_at=datetime.now(UTC),
        version=__version__,
        model=detector.folder.name,
        model_sha256=detector.sha256,
        settings_sha256=fingerprint(_verdict_settings(request, detector)),
    )

    def open_recorder() -> SinkRecorder:
        database = open_database(sqlite_url(folder / JOURNAL))
        journal = Journal(database, CurrentRun(run))
        sinks: list[Sink] = [
            journal,
            EventLines(partial(folder / "events.jsonl")),
            VisitTable(partial(folder / "visits.csv")),
            ViolationLines(partial(folder / "violations.log")),
        ]
        if request.key_folder is not None:
            make_folder(request.key_folder)
            sinks.append(ChainSigner(database, evidence_key(request.key_folder)))
        return SinkRecorder(sinks, history, folder / FOLDERS[PICTURE], f"run-{journal.run_number}")

    replay = Replay(
        name=str(camera.source),
        source=make_recording(request.name, camera.source, request.decode_threads, camera.capture.stream),
        detectors=[opened.detector for opened in detectors],
        analyzer=make_analyzer(request.name, camera),
        overlay=camera.overlay,
        open_recorder=open_recorder,
        video_path=partial(folder / "annotated.mp4") if request.video else None,
        detect_fps=request.detect_fps,
        stale_after_s=camera.health.stale_after_s,
        min_face_px=camera.rules.min_face_px,
        provenance=detector.provenance(),
        on_open=request.on_open,
        on_frame=request.on_frame,
        on_analysis=request.on_analysis,
    )
    return replay, history


def _results(request: ReplayRequest) -> list[Path]:
    names = ["events.jsonl", "visits.csv", "violations.log", *(["annotated.mp4"] if request.video else [])]
    return [request.folder / name for name in names]


def _verdict_settings(request: ReplayRequest, detector: OpenedDetector) -> dict[str, Any]:
    """Return everything that decides the verdicts except the frames and the model's weights."""
    provenance = detector.provenance()
    return {
        "detector": {key: provenance[key] for key in ("backend", "preprocessing", "resize", "labels", "thresholds")},
        **request.camera.provenance(),
        "detect_fps": request.detect_fps,
    }


def _provenance(request: ReplayRequest, detector: OpenedDetector) -> Provenance:
    settings = _verdict_settings(request, detector)
    source = Path(request.camera.source.value)
    return Provenance(
        source=source.name,
        source_sha256=sha256_of(source) if source.is_file() else None,
        model=detector.folder.name,
        model_file=detector.file.relative_to(detector.folder.path).as_posix(),
        model_sha256=detector.sha256,
        backend=f"{detector.backend.value} on {detector.device}",
        settings_yaml=as_yaml(settings),
        settings_sha256=fingerprint(settings),
        version=__version__,
    )

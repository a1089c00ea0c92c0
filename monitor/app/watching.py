"""Builds the live monitor."""

import itertools
import logging
import random
import secrets
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.app.analysis import make_analyzer
from monitor.app.journals import JournalPlace, RoutedSinks, is_sample, live_place, sample_place, settle_earlier_runs
from monitor.config.camera import CameraSettings
from monitor.config.detector import Backend, DetectorSettings
from monitor.config.fingerprint import fingerprint, plain
from monitor.config.settings import Settings
from monitor.detectors.cores import cores
from monitor.detectors.opening import OpenedDetector, open_detector, open_same
from monitor.domain.clock import Clock, SystemClock, utc_at
from monitor.domain.errors import ConfigError
from monitor.domain.event import Event, EventRecord
from monitor.domain.ports import Detector, Sink, Source
from monitor.domain.track import Analysis
from monitor.evidence.clips import ClipPlace, ClipRecorder
from monitor.evidence.retention import Retention
from monitor.pipeline.camera import Camera
from monitor.pipeline.monitor import Factories, Inference, Monitor
from monitor.pipeline.recorder import Recorder
from monitor.pipeline.session import Session
from monitor.pipeline.topic import Topic
from monitor.sources.opening import make_camera_source
from monitor.sources.ping import is_reachable
from monitor.storage.clip_folder import ClipFolder
from monitor.storage.lazy_engine import LazyEngine
from monitor.storage.lines import ViolationLog
from monitor.storage.run_info import CurrentRun, RunInfo, new_owner
from monitor.storage.snapshots import SnapshotFolder
from monitor.web.model import Model

if TYPE_CHECKING:
    from monitor.storage.clips import ClipRepository

_log = logging.getLogger(__name__)

#: How many frames a detector analyses in one batch on a GPU; batches gain nothing on a CPU.
_GPU_BATCH = 8
_PING_TIMEOUT_S = 1.0

#: The journals by name: of real cameras, and of the bundled sample.
_LIVE, _SAMPLE = "live", "sample"


def live_folder(settings: Settings) -> Path:
    """Return the folder of the live monitor's journal, log and pictures."""
    return settings.output.folder / "live"


def check_live(settings: Settings) -> None:
    """Raise `ConfigError` if there is no camera."""
    if not settings.cameras:
        raise ConfigError("the configuration names no camera: add one under 'cameras:'")


def live_database(settings: Settings) -> LazyEngine:
    """Return the database of the live journal, of accounts and of the audit log."""
    return live_place(settings).database


def run_of(settings: Settings, first: OpenedDetector, clock: Clock) -> CurrentRun:
    """Return the journal's description of a live run that starts now."""
    return CurrentRun(
        RunInfo(
            kind="live",
            started_at=clock.utc_now(),
            version=__version__,
            model=first.folder.name,
            model_sha256=first.sha256,
            settings_sha256=fingerprint(plain(settings)),
            owner=new_owner(),
        )
    )


def next_run(before: RunInfo, settings: Settings, model: Model, clock: Clock) -> RunInfo:
    """Return the description of a run that follows another one in the same process, with changed settings."""
    return replace(
        before,
        started_at=clock.utc_now(),
        model=model.name,
        model_sha256=model.sha256,
        settings_sha256=fingerprint(plain(settings)),
    )


def build_live(
    settings: Settings,
    run: CurrentRun,
    database: LazyEngine,
    clock: Clock | None = None,
    *,
    replaced: Mapping[str, Callable[[], Source]] = MappingProxyType({}),
) -> Monitor:
    """Return a live monitor that is not started; its folder must exist.

    `replaced` makes sources by camera name that take the place of those in the settings, for benchmarks.
    """
    clock = clock or SystemClock()
    sys.setswitchinterval(0.0005)  # a stage returning from native code waits less for the interpreter lock
    folder = live_folder(settings)

    def to_utc(time_s: float) -> datetime:
        return utc_at(clock, time_s)

    # Incident numbers stay unique when a camera is replaced, and when a machine without a battery-backed clock starts
    # twice in what it believes is the same second.
    numbers = itertools.count(1)
    samples: dict[str, bool] = {}
    start = f"{run.info.started_at:%y%m%d-%H%M%S}-{secrets.token_hex(2)}"

    def make_camera(name: str, camera: CameraSettings, events: Topic[EventRecord], analyses: Topic[Analysis]) -> Camera:
        samples[name] = is_sample(camera)
        clips.add(name, camera)
        analyzer = make_analyzer(name, camera, series=f"{start}-{next(numbers)}-")
        return Camera(Session(name, camera, clock, sample=samples[name]), analyzer, events, analyses)

    def make_source(name: str, camera: CameraSettings, pause: Callable[[float], object]) -> Source:
        if name in replaced:
            return replaced[name]()
        return make_camera_source(name, camera, clock, pause, clips.tap(name))

    places = {_LIVE: JournalPlace(folder, database), _SAMPLE: sample_place(settings)}

    def place_of(camera: str) -> str:
        return _SAMPLE if samples.get(camera) else _LIVE

    def rows_of(place: JournalPlace) -> "Callable[[], ClipRepository]":
        def rows() -> "ClipRepository":
            from monitor.storage.clips import ClipRepository  # with the journal, while cameras connect

            return ClipRepository(place.database())

        return rows

    clip_places = {name: ClipPlace(ClipFolder(place.clips), rows_of(place)) for name, place in places.items()}
    retentions: dict[str, Retention] = {}
    clips = ClipRecorder(
        lambda camera: clip_places[place_of(camera)],
        list(clip_places.values()),
        clock,
        to_utc,
        lambda: all(retention.keeps_clips for retention in retentions.values()),
    )

    def open_place(name: str) -> Sequence[Sink]:
        # The recording thread loads them while cameras connect.
        from monitor.evidence.signing import ChainSigner, evidence_key
        from monitor.storage.journal import Journal

        place = places[name]

        def sinks(run: CurrentRun, to_utc: Callable[[float], datetime]) -> tuple[Journal, ViolationLog]:
            journal = Journal(place.database(), run, to_utc)
            log_bytes, backups = int(settings.journal.log_max_mb * 2**20), settings.journal.log_backups
            path = place.folder / "violations.log"
            return journal, ViolationLog(path, log_bytes, backups, lambda time_s: _stamp(to_utc(time_s)))

        settle_earlier_runs(place, sinks)
        key = evidence_key(settings.output.folder)
        return [*sinks(run, to_utc), ChainSigner(place.database(), key)]

    def set_aside(records: Sequence[EventRecord]) -> None:
        for name, place in places.items():
            own = [record for record in records if place_of(record.event.source_id) == name]
            if own:
                place.unwritten.add(run.info, to_utc, own)
                _log.warning(
                    "%d records could not be written to the journal; they are in %s, and the next start writes them",
                    len(own),
                    place.unwritten.path,
                )

    first = sorted({_SAMPLE if is_sample(camera) else _LIVE for camera in settings.cameras.values()})
    for name in dict.fromkeys([_LIVE, *first]):
        place = places[name]
        retentions[name] = Retention(lambda: settings.retention, place.database, place.folder, clock)

    def open_sinks() -> Sequence[Sink]:
        return [RoutedSinks(place_of, open_place, first)]

    def make_recorder(stop: threading.Event, recorded: Topic[Event]) -> Recorder:
        def snapshots(camera: str) -> SnapshotFolder:
            return SnapshotFolder(places[place_of(camera)].pictures)

        def keeps_pictures() -> bool:
            return all(retention.keeps_pictures for retention in retentions.values())

        return Recorder(snapshots, set_aside, to_utc, stop, recorded, keeps_pictures=keeps_pictures)

    return Monitor(
        Factories(
            clock=clock,
            make_camera=make_camera,
            make_source=make_source,
            is_reachable=lambda camera: is_reachable(camera.source, _PING_TIMEOUT_S),
            make_recorder=make_recorder,
            open_sinks=open_sinks,
            rng=random.Random(),
            clips=clips,
            retentions=list(retentions.values()),
        )
    )


def inference_for(settings: DetectorSettings, first: OpenedDetector) -> Inference:
    """Return the workers for this machine: one single-threaded LiteRT interpreter per core, or one model on the GPU.

    The first worker to start uses `first`.
    """
    on_litert = first.backend is Backend.LITERT
    unused = [first]

    def open_one() -> Detector:
        if unused:
            return unused.pop().detector
        return open_same(settings, 1 if on_litert else None, first).detector

    many = on_litert and settings.threads == "auto"
    return Inference(
        open_detector=open_one,
        count=cores() if many else 1,
        batch=1 if on_litert else _GPU_BATCH,
        timeout_s=settings.timeout_s,
        provenance=first.provenance(),
    )


def open_first(settings: DetectorSettings) -> OpenedDetector:
    """Open the detector that the first worker will use; raises `ModelError`."""
    return open_detector(settings, threads=1)


def _stamp(at: datetime) -> str:
    return at.astimezone().isoformat(sep=" ", timespec="milliseconds")

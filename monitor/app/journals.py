"""Where the events of cameras are stored: the live journal, and a separate one for the bundled sample."""

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config.camera import CameraSettings
from monitor.config.settings import Settings
from monitor.domain.address import SourceKind
from monitor.domain.errors import OutputError, UnwritableError
from monitor.domain.event import Event, IncidentOpened
from monitor.domain.ports import Beating, Sink
from monitor.storage.evidence_kinds import CLIP, FOLDERS, PICTURE
from monitor.storage.lazy_engine import LazyEngine
from monitor.storage.run_info import CurrentRun
from monitor.storage.snapshots import SnapshotFolder, day_of
from monitor.storage.unwritten import Unwritten, UnwrittenFile

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from monitor.storage.journal import Journal

_log = logging.getLogger(__name__)

#: The name of a SQLite journal.
JOURNAL = "journal.db"

_SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """A journal's database, and the folder of its log and pictures."""

    folder: Path
    database: LazyEngine

    @property
    def pictures(self) -> Path:
        """The folder of incident pictures."""
        return self.folder / FOLDERS[PICTURE]

    @property
    def clips(self) -> Path:
        """The folder of incident clips."""
        return self.folder / FOLDERS[CLIP]

    @property
    def unwritten(self) -> UnwrittenFile:
        """The records that could not be written before the end of a run."""
        return UnwrittenFile(self.folder / "unwritten.jsonl")


def is_sample(camera: CameraSettings) -> bool:
    """Return whether a camera plays a recording that is bundled with the program."""
    return camera.source.kind is SourceKind.FILE and Path(camera.source.value).resolve().parent == _SAMPLES


def live_place(settings: Settings) -> JournalPlace:
    """Return the journal of real cameras, which holds accounts and the audit log too."""
    return JournalPlace(settings.output.folder / "live", _lazily(live_database_at(settings)))


def live_database_at(settings: Settings) -> Path | str:
    """Return the file of the live journal, or the address of its database."""
    url = settings.journal.url
    return settings.output.folder / "live" / JOURNAL if url is None else url.get_secret_value()


def sample_place(settings: Settings) -> JournalPlace:
    """Return the journal of the sample; deleting its folder loses nothing else."""
    folder = settings.output.folder / "sample"
    return JournalPlace(folder, _lazily(folder / JOURNAL))


def folders(settings: Settings) -> list[Path]:
    """Return the folders that the configured cameras record into."""
    places = (sample_place if is_sample(camera) else live_place for camera in settings.cameras.values())
    return sorted({place(settings).folder for place in places})


def _lazily(where: Path | str) -> LazyEngine:
    def open_it() -> "Engine":
        from monitor.storage.database import open_database, sqlite_url  # loaded while cameras connect
        from monitor.storage.files import make_folder

        if isinstance(where, str):
            return open_database(where)
        make_folder(where.parent)
        return open_database(sqlite_url(where))

    return LazyEngine(open_it)


def settle_earlier_runs(
    place: JournalPlace, open_sinks: Callable[[CurrentRun, Callable[[float], datetime]], "tuple[Journal, Sink]"]
) -> None:
    """Write the records that earlier runs had to leave in a file, and complete the visits of those that were killed.

    `open_sinks` returns the journal of a run, and another sink. Records that are in the journal already stay as they
    are. A failure is logged, the file is kept, and the next start tries again.
    """
    from monitor.storage.evidence_files import FileRepository  # with the journal, while cameras connect
    from monitor.storage.unfinished import finish_visits

    try:
        unwritten = place.unwritten.read()
        for run, group in itertools.groupby(unwritten, lambda each: each.run):
            of_run = list(group)
            journal, log = open_sinks(CurrentRun(run), of_run[0].to_utc)
            for each in of_run:
                _write(each, journal, log, place)
            journal.end()
            log.close()
        if unwritten:
            place.unwritten.remove()
            _log.warning("%d records of an earlier run are now in the journal", len(unwritten))
        files = FileRepository(place.database())
        SnapshotFolder(place.pictures).repair(lambda names: files.known(PICTURE, names))
        if visits := finish_visits(place.database()):
            _log.warning("%d visits of an earlier run that was killed are now in the journal", visits)
    except OutputError as error:
        _log.error("%s: earlier runs are not completed, the next start tries again: %s", place.folder, error)


def _write(unwritten: Unwritten, journal: "Journal", log: Sink, place: JournalPlace) -> None:
    event, picture = unwritten.record.event, unwritten.record.picture
    pictures = SnapshotFolder(place.pictures)
    if isinstance(event, IncidentOpened) and picture is not None:
        file = pictures.write(event.incident_id, picture, day_of(unwritten.to_utc(event.time_s)))
        event = replace(event, files=(file,))
    try:
        journal.put(event)
    except UnwritableError as error:
        _log.error("record not written, the database refuses it: %s", error)
        return
    log.put(event)
    if isinstance(event, IncidentOpened):
        for file in event.files:
            pictures.complete(file.name)


class RoutedSinks:
    """Passes each event to the sinks of its camera's journal, which are opened with their first event.

    `of_camera` returns the journal's name for a camera's name, `open_sinks` opens the sinks of a journal; those of
    `first` are opened at once. Raises `OutputError` if sinks cannot be opened.
    """

    def __init__(
        self,
        of_camera: Callable[[str], str],
        open_sinks: Callable[[str], Sequence[Sink]],
        first: Sequence[str],
    ) -> None:
        self._of_camera = of_camera
        self._open_sinks = open_sinks
        self._opened: dict[str, Sequence[Sink]] = {}
        for name in first:
            self._sinks(name)

    def put(self, event: Event) -> None:
        """Write one event; raises `OutputError`. A partly written event may be put again."""
        for sink in self._sinks(self._of_camera(event.source_id)):
            sink.put(event)

    def beat(self) -> None:
        """Write a heartbeat to every open journal; raises `OutputError`."""
        for sinks in self._opened.values():
            for sink in sinks:
                if isinstance(sink, Beating):
                    sink.beat()

    def close(self) -> None:
        """Finish writing and close every sink, the last one first; raises the first failure after all are closed."""
        failures: list[Exception] = []
        for sink in [sink for sinks in self._opened.values() for sink in reversed(sinks)]:
            try:
                sink.close()
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]

    def _sinks(self, name: str) -> Sequence[Sink]:
        if name not in self._opened:
            self._opened[name] = self._open_sinks(name)
        return self._opened[name]

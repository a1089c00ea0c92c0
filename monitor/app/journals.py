"""Where what cameras tell is kept: the live journal, and one apart for the bundled sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config.camera import CameraSettings
from monitor.config.settings import Settings
from monitor.domain.address import SourceKind
from monitor.domain.event import Event
from monitor.domain.ports import Beating, Sink
from monitor.storage.lazy_engine import LazyEngine

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """A journal's database, and the folder of the log and the pictures beside it."""

    folder: Path
    database: LazyEngine

    @property
    def pictures(self) -> Path:
        """Where pictures of incidents are."""
        return self.folder / "incidents"


def is_sample(camera: CameraSettings) -> bool:
    """Return whether a camera plays a recording that the program brings along."""
    return camera.source.kind is SourceKind.FILE and Path(camera.source.value).resolve().parent == _SAMPLES


def live_place(settings: Settings) -> JournalPlace:
    """Return the journal of real cameras, which holds accounts and the audit log too."""
    folder, url = settings.output.folder / "live", settings.journal.url
    return JournalPlace(folder, _lazily(folder / "journal.db" if url is None else url.get_secret_value()))


def sample_place(settings: Settings) -> JournalPlace:
    """Return the journal of the sample: whoever deletes its folder loses nothing else."""
    folder = settings.output.folder / "sample"
    return JournalPlace(folder, _lazily(folder / "journal.db"))


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


class RoutedSinks:
    """Gives each event to the sinks of its camera's journal, which are opened with the first that they get.

    `of_camera` names the sinks of a camera by its name, `open_sinks` opens them by their name; `first` are opened at
    once. Raises `OutputError` where they cannot be opened.
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
        """Take one event; raises `OutputError`. One that was partly written may be given again."""
        for sink in self._sinks(self._of_camera(event.source_id)):
            sink.put(event)

    def beat(self) -> None:
        """Note in every open journal that the program is alive; raises `OutputError`."""
        for sinks in self._opened.values():
            for sink in sinks:
                if isinstance(sink, Beating):
                    sink.beat()

    def close(self) -> None:
        """Finish what was taken; raises the first failure after all are closed."""
        failures: list[Exception] = []
        for sink in [sink for sinks in self._opened.values() for sink in sinks]:
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

"""Makes sure that what is recorded of a model is what was loaded."""

import functools
from pathlib import Path
from typing import Protocol, TypeVar

from monitor.config.detector import DetectorSettings
from monitor.domain.errors import ModelError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Inode, size, and the times of the last change of a file's content and of its inode in nanoseconds.
FileState = tuple[int, int, int, int]


def state_of(file: Path) -> FileState:
    """Return what differs if a file is written again or replaced, also under its old time; raises `OSError`."""
    stat = file.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


class Open(Protocol[T_co]):
    """Opens a model folder."""

    def __call__(self, settings: DetectorSettings, threads: int | None = None) -> T_co:
        """Return what was opened; raises `ModelError`."""


def from_unchanged_files(open_it: Open[T]) -> Open[T]:
    """Decorate a function that reads a model folder several times.

    It raises `ModelError` if a file changes meanwhile: labels, weights and hash could be of different models.
    """

    @functools.wraps(open_it)
    def checked(settings: DetectorSettings, threads: int | None = None) -> T:
        before = _states(settings.model)
        opened = open_it(settings, threads)
        if _states(settings.model) != before:
            raise ModelError(f"{settings.model}: was changed while it was loaded; try again when it is complete")
        return opened

    return checked


def _states(folder: Path) -> dict[Path, FileState]:
    try:
        return {file: state_of(file) for file in sorted(folder.rglob("*")) if file.is_file()}
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read: {error.strerror}") from error

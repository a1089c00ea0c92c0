"""Result files that appear complete or not at all."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.domain.errors import OutputError


def make_folder(path: Path) -> None:
    """Create a folder for results and check that it is writable; raises `OutputError`.

    A new one is not accessible to other users, since faces and password hashes are stored there; the permissions of an
    existing one are not changed.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written to: {error.strerror}") from error


def refuse_overwriting(source: Path, results: Iterable[Path]) -> None:
    """Raise `OutputError` if a result would overwrite its source."""
    for result in results:
        if result.exists() and source.exists() and result.samefile(source):
            raise OutputError(f"{result}: is the source itself; give another folder with --out")


def private(path: str, flags: int) -> int:
    """Open a file that other users cannot read if it is new; the `opener` of `open`."""
    return os.open(path, flags, 0o600)


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file is at a path now, as its device and inode; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk; raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def claimed(folder: Path, elsewhere: str = "output.folder") -> Iterator[None]:
    """Lock a folder for this run; raises `OutputError` if another run uses it.

    `elsewhere` is the setting or option that selects another folder.
    """
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system releases it whenever the run ends
        yield
    except BlockingIOError as error:
        raise OutputError(
            f"{folder}: another run is writing there; stop it, or give another folder with {elsewhere}"
        ) from error
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert each `OSError` into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert each `OSError` into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror or error}") from error


def partial(path: Path) -> Path:
    """Return the name under which a result is written until it is complete."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def finish(path: Path) -> None:
    """Rename the completed partial result to its final name, replacing an older one; raises `OutputError`."""
    with writing(path):
        partial(path).replace(path)

"""Results that appear whole or not at all."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.domain.errors import OutputError


def make_folder(path: Path) -> None:
    """Create a folder for results and prove that it can be written to; raises `OutputError`.

    A new one is closed to other users of the machine, since faces and password hashes are kept there; an older one
    stays as it is.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written to: {error.strerror}") from error


def refuse_overwriting(source: Path, results: Iterable[Path]) -> None:
    """Raise `OutputError` where a result would take the place of what it was made from."""
    for result in results:
        if result.exists() and source.exists() and result.samefile(source):
            raise OutputError(f"{result}: is the source itself; give another folder with --out")


@contextmanager
def claimed(folder: Path, elsewhere: str = "output.folder") -> Iterator[None]:
    """Keep a folder to this run while it writes there; raises `OutputError` where another run already does.

    `elsewhere` names the setting or option by which this command takes another folder.
    """
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it however the run ends
        yield
    except BlockingIOError as error:
        raise OutputError(
            f"{folder}: another run is writing there; stop it, or give another folder with {elsewhere}"
        ) from error
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into `OutputError`s that name the file."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def partial(path: Path) -> Path:
    """Return the name under which a result is written until it is complete."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def finish(path: Path) -> None:
    """Put the completed partial result in the place of an older one, in one step."""
    with writing(path):
        partial(path).replace(path)

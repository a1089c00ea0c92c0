"""The kinds of evidence files: erasing, retention, verification and export go through all of them."""

from pathlib import Path

from monitor.storage.files import partial

PICTURE = "picture"

#: The folder of each kind beside the journal.
FOLDERS = {PICTURE: "incidents"}


def path_of(folder: Path, kind: str, name: str) -> Path:
    """Return the path of a file of evidence; `folder` is that of the journal."""
    return folder / FOLDERS[kind] / name


def paths_of(folder: Path, kind: str, name: str) -> tuple[Path, ...]:
    """Return where a file of evidence may be, in the order to look: it may just be getting its own name."""
    path = path_of(folder, kind, name)
    return path, partial(path), path

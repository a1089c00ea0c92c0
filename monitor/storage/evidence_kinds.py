"""The kinds of evidence files: erasing, retention, verification and export go through all of them."""

from pathlib import Path

from monitor.storage.files import partial

PICTURE = "picture"

#: The folder of each kind beside the journal.
FOLDERS = {PICTURE: "incidents"}


def path_of(folder: Path, kind: str, name: str) -> Path:
    """Return the path of a file of evidence; `folder` is that of the journal."""
    return folder / FOLDERS[kind] / name


def existing_path(folder: Path, kind: str, name: str) -> Path:
    """Return the path of a file of evidence, under its other name as long as it is not complete."""
    path = path_of(folder, kind, name)
    return path if path.exists() or not partial(path).exists() else partial(path)

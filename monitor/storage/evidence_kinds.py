"""The kinds of evidence files: erasing, retention, verification and export go through all of them."""

from pathlib import Path

from monitor.storage.files import partial, writing

#: `CLIP_NOTES` is who was where in a clip.
PICTURE, CLIP, CLIP_NOTES = "picture", "clip", "clip_notes"

#: The folder of each kind beside the journal.
FOLDERS = {PICTURE: "incidents", CLIP: "clips", CLIP_NOTES: "clips"}

#: The suffixes of the files of a clip, which may belong to several incidents.
CLIP_SUFFIXES = {CLIP: ".mp4", CLIP_NOTES: ".json"}


def path_of(folder: Path, kind: str, name: str) -> Path:
    """Return the path of a file of evidence; `folder` is that of the journal."""
    return folder / FOLDERS[kind] / name


def paths_of(folder: Path, kind: str, name: str) -> tuple[Path, ...]:
    """Return where a file of evidence may be, in the order to look: a picture may just be getting its own name."""
    path = path_of(folder, kind, name)
    return (path, partial(path), path) if kind == PICTURE else (path,)


def clip_of(name: str) -> str:
    """Return the name of the clip that a file of evidence belongs to."""
    return name.rpartition(".")[0]


def delete_file(folder: Path, kind: str, name: str) -> None:
    """Delete a file of evidence with all that was made of it, as far as it exists; raises `OutputError`."""
    path = path_of(folder, kind, name)
    with writing(path):
        path.unlink(missing_ok=True)
        partial(path).unlink(missing_ok=True)
        if kind == CLIP and path.parent.is_dir():  # blurred copies, and what it was recorded in
            for other in path.parent.iterdir():
                if other.name.startswith(f"{path.stem}.") and other.suffix != CLIP_SUFFIXES[CLIP_NOTES]:
                    other.unlink(missing_ok=True)

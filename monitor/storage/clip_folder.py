"""The files of clips of incidents, by day."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.domain.errors import OutputError
from monitor.storage.files import make_folder, partial, private, writing

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Clip:
    """One video of a camera; `name` is its path in the folder of clips, without the suffix; sizes in pixels.

    `notes_bytes` and `notes_sha256` are of the JSON beside it.
    """

    name: str
    camera: str
    started_at: datetime
    duration_s: float
    width_px: int
    height_px: int
    codec: str
    bytes: int
    sha256: str
    notes_bytes: int
    notes_sha256: str


class ClipFolder:
    """`FOLDER/2026-01-31/NAME.mp4` with NAME.json beside it; NAME.partial.mp4 and .jsonl while it is being recorded.

    Every other file with ".partial" in its name is one of a step that begins again after a crash.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(self, name: str) -> Path:
        """Return the path of a clip, which is complete if it exists."""
        return self.folder / f"{name}.mp4"

    def boxes(self, name: str) -> Path:
        """Return the path of the people, zones and incidents that a clip shows, as JSON."""
        return self.folder / f"{name}.json"

    def blurred(self, name: str, track_id: int) -> Path:
        """Return the path of the copy in which everybody but one person is blurred."""
        return self.folder / f"{name}.of-{track_id}.mp4"

    def packets(self, name: str) -> Path:
        """Return the path of what has been recorded so far of a clip that is not complete."""
        return self.folder / f"{name}.partial.mp4"

    def notes(self, name: str) -> Path:
        """Return the path of what has been noted so far of a clip that is not complete, a JSON value a line."""
        return self.folder / f"{name}.partial.jsonl"

    def prepare(self, name: str) -> None:
        """Create the folder of a clip; raises `OutputError`."""
        with writing(self.folder):
            for folder in (self.folder, self.video(name).parent):
                make_folder(folder)

    def create(self, path: Path) -> None:
        """Create an empty file that other users cannot read; raises `OutputError`."""
        with writing(path), open(path, "wb", opener=private):
            pass

    def write_json(self, path: Path, values: Any) -> None:
        """Write a JSON file that appears complete or not at all; raises `OutputError`."""
        with writing(path):
            with open(partial(path), "w", encoding="utf-8", opener=private) as file:
                json.dump(values, file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            partial(path).replace(path)

    def discard(self, name: str) -> None:
        """Remove a clip of which nothing has been recorded, as far as possible."""
        for path in (self.packets(name), self.notes(name)):
            with contextlib.suppress(OSError):  # the folder itself may be the fault; the next start removes it
                path.unlink()

    def read_boxes(self, name: str) -> dict[str, Any]:
        """Return the people, zones and incidents that a clip shows, as they are in its JSON; raises `OutputError`."""
        path = self.boxes(name)
        try:
            values: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise OutputError(f"{path}: cannot be read: {error}") from error
        return values

    def unfinished(self) -> list[str]:
        """Return the names of the clips that were being recorded or completed when a run was killed."""
        suffix = ".partial.jsonl"
        found = self.folder.glob(f"*/*{suffix}")
        return sorted(str(path.relative_to(self.folder)).removesuffix(suffix) for path in found)

    def remove_leavings(self) -> None:
        """Remove what steps that were killed left and nothing can continue; raises `OutputError`."""
        names = self.unfinished()
        kept = {path for name in names for path in (self.packets(name), self.notes(name))}
        for path in self.folder.glob("*/*.partial.*"):
            if path not in kept:
                with writing(path):
                    path.unlink(missing_ok=True)
        for path in self.folder.glob("*/*.json"):
            name = str(path.relative_to(self.folder)).removesuffix(".json")
            if name not in names and not self.video(name).exists():
                with writing(path):
                    path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's content is on the disk; raises `OutputError`."""
    with writing(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the hash of a file; raises `OutputError`."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def lines_of(path: Path) -> Iterator[Any]:
    """Return the values of a file with JSON lines, up to one that was cut off; raises `OutputError`."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    return
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error

"""Pictures of incidents, as JPEG files."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Collection, Set
from datetime import datetime, timedelta
from pathlib import Path

import cv2

from monitor.domain.errors import OutputError
from monitor.domain.event import EvidenceFile
from monitor.domain.frame import Image
from monitor.sources.encoding import encode_picture
from monitor.storage.evidence_kinds import PICTURE
from monitor.storage.files import make_folder, partial, private, sync_folder, writing

_JPEG_QUALITY = 85
_UNFINISHED = ".partial.jpg"


def day_of(at: datetime) -> str:
    """Return the part of the folder in which a live monitor stores its pictures of a day (UTC)."""
    return f"{at:%Y-%m-%d}"


class SnapshotFolder:
    """`FOLDER/PART/INCIDENT.jpg`, where PART is the day (UTC), or the run of a replay.

    A picture is written under another name first, and gets its own once its row is committed, so that a file without a
    row is never taken for evidence; `repair` completes what a crash has left between the two.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, incident_id: str, picture: Image, part: str) -> EvidenceFile:
        """Write a picture (H x W x 3, uint8, BGR) under its other name; raises `OutputError`."""
        name = f"{part}/{incident_id}.jpg"
        path = self._folder / name
        data = encode_picture(picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        try:
            with writing(path):
                for folder in (self._folder, path.parent):
                    make_folder(folder)
                with open(partial(path), "wb", opener=private) as file:
                    file.write(data)
                    os.fsync(file.fileno())
                sync_folder(path.parent)
        except OutputError:
            with contextlib.suppress(OSError):  # the folder itself may be the fault
                partial(path).unlink()
            raise
        return EvidenceFile(PICTURE, name, hashlib.sha256(data).hexdigest(), len(data))

    def complete(self, name: str) -> bool:
        """Give a picture its own name; return False if it is gone. Raises `OutputError`."""
        path = self._folder / name
        with writing(path):
            try:
                partial(path).replace(path)
            except FileNotFoundError:
                return path.exists()
        return True

    def repair(self, known: Callable[[Collection[str]], Set[str]]) -> None:
        """Complete or remove pictures that a crash left under their other name; raises `OutputError`.

        `known` returns which of some names have a row.
        """
        left = list(self._folder.glob(f"*/*{_UNFINISHED}"))
        names = {f"{path.parent.name}/{path.name.removesuffix(_UNFINISHED)}.jpg": path for path in left}
        for name in names.keys() & known(names):
            self.complete(name)
        for path in left:
            with writing(path):
                path.unlink(missing_ok=True)

    def load(self, incident_id: str, at: datetime) -> bytes | None:
        """Return the picture of an incident as a JPEG, None if there is none; raises `OutputError`.

        The timestamps of the journal and of the file differ slightly, so midnight may lie between them.
        """
        for day in (0, 1, -1):
            path = self._folder / day_of(at + timedelta(days=day)) / f"{incident_id}.jpg"
            for name in (path, partial(path)):  # for a moment it has a row, and not yet its name
                try:
                    return name.read_bytes()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise OutputError(f"{name}: cannot be read: {error.strerror}") from error
        return None

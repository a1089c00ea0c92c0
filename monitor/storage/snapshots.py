"""Pictures of incidents, as JPEG files by day."""

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path

import cv2

from monitor.domain.errors import OutputError
from monitor.domain.frame import Image
from monitor.sources.encoding import encode_picture
from monitor.storage.files import make_folder, partial, private, writing

_JPEG_QUALITY = 85


class SnapshotFolder:
    """`FOLDER/2026-01-31/INCIDENT.jpg`; each file appears complete or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, incident_id: str, picture: Image, at: datetime) -> Path:
        """Write a picture (H x W x 3, uint8, BGR) and return its path; raises `OutputError`."""
        path = self._folder / f"{at:%Y-%m-%d}" / f"{incident_id}.jpg"
        data = encode_picture(picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        try:
            with writing(path):
                for folder in (self._folder, path.parent):
                    make_folder(folder)
                with open(partial(path), "wb", opener=private) as file:
                    file.write(data)
                    os.fsync(file.fileno())
                partial(path).replace(path)
        except OutputError:
            with contextlib.suppress(OSError):  # the folder itself may be the fault
                partial(path).unlink()
            raise
        return path

    def load(self, incident_id: str, at: datetime) -> bytes | None:
        """Return the picture of an incident as a JPEG, None if there is none; raises `OutputError`.

        The timestamps of the journal and of the file differ slightly, so midnight may lie between them.
        """
        for day in (0, 1, -1):
            path = self._folder / f"{at + timedelta(days=day):%Y-%m-%d}" / f"{incident_id}.jpg"
            try:
                return path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
        return None

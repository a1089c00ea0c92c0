"""Records that could not be written before the end of a run, in a file until the next start."""

import base64
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter, ValidationError

from monitor.domain.errors import OutputError
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    Event,
    EventRecord,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
    VisitEnded,
)
from monitor.domain.frame import Image
from monitor.sources.encoding import encode_picture
from monitor.storage.files import make_folder, private, writing
from monitor.storage.run_info import RunInfo

_log = logging.getLogger(__name__)

_RUN = TypeAdapter(RunInfo)
_EVENTS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (SourceOpened, SourceEnded, CameraLost, CameraRestored, IncidentOpened, IncidentClosed, VisitEnded)
}


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A record, its run, and the time (UTC) at the 0 of its seconds."""

    run: RunInfo
    zero: datetime
    record: EventRecord

    def to_utc(self, time_s: float) -> datetime:
        """Return a `time_s` of the record's run in UTC."""
        return self.zero + timedelta(seconds=time_s)


class UnwrittenFile:
    """`unwritten.jsonl`: a line for each record, with its run, so that it can be written by another process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, run: RunInfo, to_utc: Callable[[float], datetime], records: Sequence[EventRecord]) -> None:
        """Append records and synchronise the file with the disk; raises `OutputError`."""
        make_folder(self.path.parent)
        zero = to_utc(0.0)
        with writing(self.path), open(self.path, "a+b", opener=private) as file:
            if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                file.write(b"\n")  # after a line that was cut off
            file.writelines(_line(Unwritten(run, zero, record)) for record in records)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Unwritten]:
        """Return the records in their order, none if there is no file; raises `OutputError`.

        A damaged line is logged and skipped.
        """
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be read: {error.strerror}") from error
        return list(self._parsed(lines))

    def remove(self) -> None:
        """Remove the file, once its records are written; raises `OutputError`."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)

    def _parsed(self, lines: Iterable[bytes]) -> Iterator[Unwritten]:
        for number, line in enumerate(lines, 1):
            try:
                if line:
                    yield _unwritten(line)
            except (ValidationError, ValueError, KeyError, TypeError):
                _log.error("%s:%d: a record is lost, its line is damaged", self.path, number)


def _line(unwritten: Unwritten) -> bytes:
    event, picture = unwritten.record.event, unwritten.record.picture
    kind = type(event).__name__
    values = {
        "run": _RUN.dump_python(unwritten.run, mode="json"),
        "zero": unwritten.zero.isoformat(),
        "event": kind,
        "values": _EVENTS[kind].dump_python(event, mode="json"),
        "picture": None if picture is None else base64.b64encode(encode_picture(picture, ".png")).decode("ascii"),
    }
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _unwritten(line: bytes) -> Unwritten:
    values = json.loads(line)
    event: Event = _EVENTS[values["event"]].validate_python(values["values"])
    picture = None if values["picture"] is None else _image(base64.b64decode(values["picture"], validate=True))
    return Unwritten(
        _RUN.validate_python(values["run"]), datetime.fromisoformat(values["zero"]), EventRecord(event, picture)
    )


def _image(png: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("not a picture")
    return image  # type: ignore[return-value]

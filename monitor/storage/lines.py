"""Events as files: JSON lines for programs, a table of visits, and a log for people."""

import contextlib
import json
import logging
import os
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, assert_never

from monitor.domain.errors import OutputError
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    Event,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
    VisitEnded,
)
from monitor.domain.geometry import Box
from monitor.domain.visit import Visit
from monitor.storage.files import identity, make_folder, private, writing
from monitor.storage.guarded_csv import GuardedCsv


class EventLines:
    """`events.jsonl`: one JSON object per line, times in seconds to the millisecond, boxes in pixels."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("w", encoding="utf-8", newline="")

    def put(self, event: Event) -> None:
        """Write one line and flush it; raises `OutputError`."""
        with writing(self._path):
            self._file.write(json.dumps(event_values(event), ensure_ascii=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


class VisitTable:
    """`visits.csv`: one row per visit."""

    HEADER = (
        "source", "track", "first_seen_s", "last_seen_s", "duration_s", "outcome", "time_to_comply_s",
        "with_mask_s", "without_mask_s", "incorrect_s", "unknown_s", "observations", "median_face_px",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = GuardedCsv(self._file, self.HEADER, lineterminator="\n")

    def put(self, event: Event) -> None:
        """Write a row for a visit that has ended; other events are ignored."""
        if not isinstance(event, VisitEnded):
            return
        with writing(self._path):
            self._rows.write(visit_values(event.visit))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


def clock(time_s: float) -> str:
    """Return a media position as h:mm:ss.s."""
    tenths = round(time_s * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


#: The most bytes of a line of the log.
_LONGEST_LINE = 4096


class _StrictHandler(RotatingFileHandler):
    """Raises errors of writing; the standard handler only prints them and loses the line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Raise the error of writing, and remove the partly written line."""
        self._forget()
        raise  # noqa: PLE0704 - the library calls this while it handles the exception

    def reopen_if_gone(self) -> bool:
        """Return whether the open file is no longer the one at its path, which is then opened or created instead."""
        path, gone = Path(self.baseFilename), False
        if self.stream is not None:
            stat = os.fstat(self.stream.fileno())
            gone = identity(path) != (stat.st_dev, stat.st_ino)
        if gone or self.stream is None:
            self.close()
            make_folder(path.parent)
            self.stream = self._open()
        return gone

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=private)

    def _forget(self) -> None:
        """Discard the stream with its buffer, and a partial line in the file: the line will be written again."""
        if self.stream is not None:
            stream, self.stream = self.stream, None
            with contextlib.suppress(OSError, ValueError):
                stream.buffer.raw.close()  # type: ignore[attr-defined]
                stream.close()
        with contextlib.suppress(OSError), Path(self.baseFilename).open("r+b") as file:
            tail = file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_LINE))
            file.truncate(tail + file.read().rfind(b"\n") + 1)


class ViolationLines:
    """`violations.log` of a replay: one line when an incident opens and one when it closes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("w", encoding="utf-8", newline="")

    def put(self, event: Event) -> None:
        """Write a line for an incident; other events are ignored."""
        if (line := _violation_line(event, clock)) is not None:
            with writing(self._path):
                self._file.write(f"{line}\n")
                self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


class ViolationLog:
    """`violations.log` of the live monitor: the same lines in a rotating log over all runs.

    `stamp` converts a `time_s` to the text at the start of a line. If the file is deleted or replaced while in use,
    `put` and `beat` raise `OutputError`; the next call writes to a new one.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int, stamp: Callable[[float], str] = clock) -> None:
        self._path = path
        self._stamp = stamp
        with writing(path):
            self._handler = _StrictHandler(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")

    def put(self, event: Event) -> None:
        """Write a line for an incident; other events are ignored."""
        if (line := _violation_line(event, self._stamp)) is not None:
            self.beat()
            with writing(self._path):
                self._handler.emit(logging.makeLogRecord({"msg": line}))
            self.beat()

    def beat(self) -> None:
        """Check that the file is in place; raises `OutputError`, also if another cannot be opened."""
        with writing(self._path):
            if self._handler.reopen_if_gone():
                raise OutputError(f"{self._path}: was deleted or replaced while in use; it is made again")

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._handler.close()


def _violation_line(event: Event, stamp: Callable[[float], str]) -> str | None:
    match event:
        case IncidentOpened():
            words = f"OPENED  person {event.track_id}: {event.state.value} ({event.confidence:.0%})"
        case IncidentClosed():
            words = f"CLOSED  person {event.track_id}: {event.reason.value} after {event.duration_s:.1f} s"
        case _:
            return None
    return f"{stamp(event.time_s)}  {event.source_id}  {event.incident_id}  {words}"


def event_values(event: Event) -> dict[str, Any]:
    """Return an event as JSON types."""
    match event:
        case SourceOpened():
            values: dict[str, Any] = {"width_px": event.width_px, "height_px": event.height_px}
        case SourceEnded():
            values = {"reason": event.reason.value, "frames": event.frames}
        case CameraLost():
            values = {"cause": event.cause.value, "detail": event.detail}
        case CameraRestored():
            values = {"lost_for_s": _ms(event.lost_for_s)}
        case IncidentOpened():
            values = {
                "incident": event.incident_id,
                "track": event.track_id,
                "state": event.state.value,
                "since_s": _ms(event.since_s),
                "confidence": round(event.confidence, 3),
                "box_px": _box(event.box),
                "share": round(event.share, 3),
                "evidence_s": _ms(event.evidence_s),
                "observations": event.observations,
            }
        case IncidentClosed():
            values = {
                "incident": event.incident_id,
                "track": event.track_id,
                "duration_s": _ms(event.duration_s),
                "reason": event.reason.value,
            }
        case VisitEnded():
            segments = [[s.state.value, _ms(s.start_s), _ms(s.end_s)] for s in event.visit.segments]
            values = visit_values(event.visit) | {"segments": segments}
        case _:
            assert_never(event)
    kinds = {
        SourceOpened: "source_opened",
        SourceEnded: "source_ended",
        CameraLost: "camera_lost",
        CameraRestored: "camera_restored",
        IncidentOpened: "incident_opened",
        IncidentClosed: "incident_closed",
        VisitEnded: "visit_ended",
    }
    return {"event": kinds[type(event)], "source": event.source_id, "time_s": _ms(event.time_s)} | values


def visit_values(visit: Visit) -> dict[str, Any]:
    """Return a visit as the columns of `VisitTable.HEADER`."""
    held = dict.fromkeys(("with_mask", "without_mask", "incorrect", "unknown"), 0.0)
    for segment in visit.segments:
        held[segment.state.value] += segment.duration_s
    comply = visit.time_to_comply_s
    return {
        "source": visit.source_id,
        "track": visit.track_id,
        "first_seen_s": _ms(visit.first_seen_s),
        "last_seen_s": _ms(visit.last_seen_s),
        "duration_s": _ms(visit.duration_s),
        "outcome": visit.outcome.value,
        "time_to_comply_s": None if comply is None else _ms(comply),
        **{f"{state}_s": _ms(seconds) for state, seconds in held.items()},
        "observations": visit.hits,
        "median_face_px": round(visit.median_face_px, 1),
    }


def _ms(seconds: float) -> float:
    return round(seconds, 3)


def _box(box: Box) -> list[float]:
    return [round(side, 1) for side in (box.x1_px, box.y1_px, box.x2_px, box.y2_px)]

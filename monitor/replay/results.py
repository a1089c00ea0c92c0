"""The results of a replay."""

from dataclasses import dataclass, field
from typing import Protocol

from monitor.domain.detection import MaskState
from monitor.domain.event import EndReason, Event, EventRecord, IncidentClosed, IncidentOpened, VisitEnded
from monitor.domain.frame import SourceInfo
from monitor.domain.visit import Segment, Visit


class EventRecorder(Protocol):
    """The destination of the recording thread's events."""

    def put(self, record: EventRecord) -> None:
        """Write one event; returns once it is stored, or raises `OutputError`."""

    def close(self) -> None:
        """Finish writing; raises `OutputError`."""


@dataclass(slots=True)
class ReplayedIncident:
    """An incident from opening to closing, with its picture as a JPEG."""

    opened: IncidentOpened
    jpeg: bytes | None
    closed: IncidentClosed | None = None


@dataclass(slots=True)
class History:
    """The incidents and visits of one replay, for the report."""

    incidents: dict[str, ReplayedIncident] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)

    def add(self, event: Event, jpeg: bytes | None) -> None:
        """Add one event; `jpeg` is the picture of an opened incident."""
        match event:
            case IncidentOpened():
                self.incidents[event.incident_id] = ReplayedIncident(event, jpeg)
            case IncidentClosed():
                self.incidents[event.incident_id].closed = event
            case VisitEnded():
                self.visits.append(event.visit)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a replay.

    `media_s` is the analysed time of the recording, `wall_s` the duration of the replay. `notes` are what to know about
    the figures, in words.
    """

    info: SourceInfo
    frames: int
    analysed_frames: int
    media_s: float
    wall_s: float
    end_reason: EndReason
    error: str | None
    notes: tuple[str, ...] = ()


def people_by_minute(visits: list[Visit], media_s: float) -> list[dict[MaskState, int]]:
    """Return, for each minute of the recording, how many people were in each state during it."""
    minutes = [dict.fromkeys(MaskState, 0) for _ in range(int(media_s // 60) + 1)]
    for visit in visits:
        for minute, counts in enumerate(minutes):
            start_s, end_s = minute * 60, minute * 60 + 60
            for state in {s.state for s in visit.segments if _overlaps(s, start_s, end_s)}:
                counts[state] += 1
    return minutes


def _overlaps(segment: Segment, start_s: float, end_s: float) -> bool:
    if segment.duration_s == 0:
        return start_s <= segment.start_s < end_s
    return segment.start_s < end_s and segment.end_s > start_s

"""What happened: a closed union of values, matched with `match` and `assert_never`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.domain.cause import Cause
from monitor.domain.detection import MaskState
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.visit import Visit


class CloseReason(StrEnum):
    """Why an incident ended."""

    CORRECTED = "corrected"
    GONE = "gone"
    SOURCE_LOST = "source_lost"
    SOURCE_ENDED = "source_ended"


class EndReason(StrEnum):
    """Why a source stopped giving frames."""

    FINISHED = "finished"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """A source gave its first frame."""

    source_id: str
    time_s: float
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """A source gave its last frame."""

    source_id: str
    time_s: float
    reason: EndReason
    frames: int


@dataclass(frozen=True, slots=True)
class CameraLost:
    """A live camera stopped giving pictures; `detail` says so in words, without its password."""

    source_id: str
    time_s: float
    cause: Cause
    detail: str


@dataclass(frozen=True, slots=True)
class CameraRestored:
    """A camera that was lost gives pictures again."""

    source_id: str
    time_s: float
    lost_for_s: float


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """A person has been violating for long enough.

    `state` is what they were judged at that moment, `since_s` when that judgement began to hold. What it rests on:
    `confidence` is the mean score, `share` (0..1) the part of the evidence that speaks for the state, `evidence_s` all
    of the evidence in seconds of a perfect look, `looks` how often the person had been looked at. `settings` are the
    detector's and the camera's that decided it, by section; empty where they are not told.
    """

    incident_id: str
    source_id: str
    track_id: int
    state: MaskState
    time_s: float
    since_s: float
    confidence: float
    box: Box
    share: float
    evidence_s: float
    observations: int
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    """The violation ended; `duration_s` counts from its opening."""

    incident_id: str
    source_id: str
    track_id: int
    time_s: float
    duration_s: float
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class VisitEnded:
    """A person left, and their visit is complete."""

    source_id: str
    time_s: float
    visit: Visit


Event = SourceOpened | SourceEnded | CameraLost | CameraRestored | IncidentOpened | IncidentClosed | VisitEnded


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event on its way to subscribers; an incident's opening carries its picture (BGR, others' faces hidden)."""

    event: Event
    picture: Image | None = None

"""Events: a closed union of values, matched with `match` and `assert_never`."""

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
    """A live camera stopped giving pictures; `detail` is the reason in words, without a password."""

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
class EvidenceFile:
    """A file of an incident: its kind, its name in the folder of that kind, its SHA-256 and its size."""

    kind: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """A person has been violating for long enough.

    `state` is the verdict at `time_s`, `since_s` the time at which that verdict began. The evidence: `confidence` is
    the mean score (0..1), `share` (0..1) the probability of the state by the evidence, `evidence_s` the seconds of
    usable analyses that it rests on, `observations` the number of detections of the person. `settings` are those of the
    detector and the camera that decided the verdict, by section; empty if unknown. `files` are those
    that are stored with it.
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
    files: tuple[EvidenceFile, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    """The violation ended; `duration_s` counts from the opening of the incident."""

    incident_id: str
    source_id: str
    track_id: int
    time_s: float
    duration_s: float
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class VisitEnded:
    """A person left; the visit is complete."""

    source_id: str
    time_s: float
    visit: Visit


Event = SourceOpened | SourceEnded | CameraLost | CameraRestored | IncidentOpened | IncidentClosed | VisitEnded


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event for subscribers; `IncidentOpened` comes with a picture (H x W x 3, uint8, BGR, others' faces hidden)."""

    event: Event
    picture: Image | None = None

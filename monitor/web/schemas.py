"""What the API takes and gives, for its documentation and for checking."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from monitor.domain.account import Role
from monitor.domain.detection import MaskState
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.domain.visit import Outcome
from monitor.storage.incidents import Incident

Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]


class RequestModel(BaseModel):
    """The base of what is taken: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ResponseModel(BaseModel):
    """The base of what is made from a value of the house, field by field."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, value: object) -> Self:
        """Return a value as the API gives it."""
        return cls.model_validate(value)


class LogIn(RequestModel):
    """A name and its password."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Me(BaseModel):
    """Who asks; `cameras` None means all."""

    name: str
    role: Role
    cameras: list[str] | None


class ReviewIn(RequestModel):
    """A review of an incident: `false_alarm_reason` says what a false alarm was; `withdrawn` undoes those before."""

    decision: ReviewDecision
    false_alarm_reason: FalseAlarmReason | None = None
    note: Note = ""


class IncidentOut(ResponseModel):
    """One incident as it stands now; `ended` None means that it is open."""

    number: int
    id: Annotated[str, Field(validation_alias="incident_id")]
    camera: str
    state: MaskState
    since_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    ended: str | None
    confidence: float
    acknowledged: bool
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None


class ReviewOut(ResponseModel):
    """One review; `decision` None is an acknowledgement, `withdrawn` undoes the reviews before."""

    by: str
    at: datetime
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None
    note: str


class CountOut(BaseModel):
    """How many there are."""

    count: int


class SegmentOut(ResponseModel):
    """A stretch of the visit in one state, in seconds from its first sight."""

    state: MaskState
    start_s: float
    end_s: float


class IncidentDetailOut(ResponseModel):
    """Everything that is known of an incident."""

    incident: IncidentOut
    box_px: list[float]
    share: float | None
    evidence_s: float | None
    observations: int | None
    first_seen_at: datetime | None
    segments: list[SegmentOut]
    reviews: list[ReviewOut]
    model: str
    model_sha256: str
    settings_sha256: str
    settings: dict[str, Any] | None
    version: str


class VisitOut(ResponseModel):
    """One person's stay."""

    number: int
    camera: str
    first_seen_at: datetime
    last_seen_at: datetime | None
    duration_s: float
    outcome: Outcome
    time_to_comply_s: float | None
    observations: int
    median_face_px: float


class ComplianceOut(ResponseModel):
    """A rate with its denominator and its 95 % interval; the rate is None where nobody was decided."""

    visits: int
    decided: int
    complied: int
    rate: float | None
    low: float | None
    high: float | None
    unknown_share: float
    outcomes: dict[Outcome, int]


class BucketOut(BaseModel):
    """Compliance of the visits that began in one hour or day, or before one camera."""

    label: str
    start_at: datetime | None
    compliance: ComplianceOut


class ReviewCountsOut(BaseModel):
    """Incidents of one camera and what people said of them; the rate is of those that were judged."""

    camera: str
    incidents: int
    confirmed: int
    false_alarms: int
    false_alarm_rate: float | None
    low: float | None
    high: float | None


class ComplyTimesOut(ResponseModel):
    """How long people took to put a violation right."""

    people: int
    median_s: float | None
    p90_s: float | None


class StatisticsOut(BaseModel):
    """StatisticsRepository of a stretch of time."""

    since: datetime
    until: datetime
    total: ComplianceOut
    over_time: list[BucketOut]
    by_camera: list[BucketOut]
    time_to_comply: ComplyTimesOut
    reviews: list[ReviewCountsOut]


class CameraOut(BaseModel):
    """How a camera is; `age_ms` is the age of its newest judged picture."""

    name: str
    condition: str
    cause: str | None
    detail: str
    since_ms: int
    age_ms: int | None
    fps: float
    analyses_per_s: float
    people: dict[MaskState, int]
    violating: bool


class CameraHealthOut(CameraOut):
    """A camera with everything that is measured of it."""

    source: str
    required: bool
    zones: dict[str, list[tuple[float, float]]]
    wanted_per_s: float | None
    given_per_s: float | None
    frames: int
    analysed: int
    drops: dict[str, int]
    latency_ms: dict[str, float]


class ViewerOut(BaseModel):
    """One page that watches: who, and how old pictures were when it had them."""

    who: str
    p50_ms: float | None
    p95_ms: float | None
    per_s: float | None


class HealthOut(BaseModel):
    """How the whole monitor is."""

    well: bool
    reasons: list[str]
    version: str
    started_at: datetime
    model: str
    model_sha256: str
    backend: str
    device: str
    memory_mb: float
    disk_free_mb: float | None
    disk_used_share: float | None
    cameras: list[CameraHealthOut]
    viewers: list[ViewerOut]


class HealthyOut(BaseModel):
    """Whether the monitor is well, for a container's health check."""

    well: bool
    reasons: list[str]


class AuditOut(ResponseModel):
    """Who did what."""

    at: datetime
    who: str
    action: str
    detail: str
    address: str


class PhotoIn(RequestModel):
    """A picture in base64; a data URI's prefix may stand before it."""

    image: str


class FaceOut(BaseModel):
    """One face of a photograph; the box is x1, y1, x2, y2 in pixels of the upright picture."""

    state: MaskState
    score: float
    box_px: list[float]


class PhotoOut(BaseModel):
    """The annotated picture, a JPEG in base64, and what was found."""

    image: str
    width_px: int
    height_px: int
    detections: list[FaceOut]


class WordsOut(BaseModel):
    """What the kiosk says of one verdict."""

    headline: str
    line: str


class LanguageOut(BaseModel):
    """One language of the kiosk."""

    code: str
    name: str
    direction: str
    old: str
    verdicts: dict[str, WordsOut]


class PaintOut(BaseModel):
    """The ground and the ink of one verdict, as #rrggbb."""

    ground: str
    ink: str


class KioskOut(BaseModel):
    """What a kiosk says and how it looks, by its settings."""

    language: str
    mirror: bool
    sound: bool
    languages: list[LanguageOut]
    paints: dict[str, PaintOut]


def incident_message(incident: Incident) -> dict[str, Any]:
    """Return the message by which the socket tells of an incident as it stands now."""
    return {"type": "incident", "incident": IncidentOut.of(incident).model_dump(mode="json")}

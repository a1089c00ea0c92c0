"""What the API accepts and returns, for validation and for its documentation."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from monitor.domain.account import Role
from monitor.domain.detection import MaskState
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.domain.visit import Outcome
from monitor.evidence.retention import Step
from monitor.storage.accounts import MOST_TYPED
from monitor.storage.incidents import Incident
from monitor.web.blurred_clips import CopyState
from monitor.web.warnings import WarningCode


def _rounded(digits: int) -> AfterValidator:
    return AfterValidator(lambda value: round(value, digits))


#: The precision of values: a millisecond, a tenth of a pixel, a ten-thousandth of a score.
Seconds = Annotated[float, _rounded(3)]
Pixels = Annotated[float, _rounded(1)]
Share = Annotated[float, _rounded(4)]

Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]


Password = Annotated[str, Field(min_length=1, max_length=MOST_TYPED)]
OneTimeCode = Annotated[str, Field(min_length=1, max_length=16)]


class RequestModel(BaseModel):
    """The base of request bodies: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ResponseModel(BaseModel):
    """The base of responses that are built from a domain value, field by field."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the response for a domain value."""
        return cls.model_validate(value)


class LogIn(RequestModel):
    """The name and password of an account, and a one-time code if it needs one."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Password
    code: OneTimeCode | None = None


class TotpOut(BaseModel):
    """Whether an account's logins need a one-time code."""

    on: bool


class TotpSecretOut(BaseModel):
    """A secret for an authenticator app: in base 32, and as a picture of its QR code (a data URI)."""

    secret: str
    qr: str


class TotpOffIn(RequestModel):
    """The password of the account, and a code that its authenticator app shows now."""

    password: Password
    code: OneTimeCode


class TotpOnIn(RequestModel):
    """The password of the account, a new secret with a code of it, and a code of the former secret, if there is one."""

    password: Password
    secret: Annotated[str, Field(min_length=1, max_length=64)]
    code: OneTimeCode
    current: OneTimeCode | None = None


class Me(BaseModel):
    """The account that sent the request; `cameras` null means all."""

    name: str
    role: Role
    cameras: list[str] | None


class AddressOut(BaseModel):
    """Why the monitor refuses the pages of an address, with the remedy; null if it does not."""

    refused: str | None


class ReviewIn(RequestModel):
    """A review: `false_alarm_reason` is the cause of a false alarm; `withdrawn` undoes earlier reviews."""

    decision: ReviewDecision
    false_alarm_reason: FalseAlarmReason | None = None
    note: Note = ""


class IncidentOut(ResponseModel):
    """The current state of one incident; `ended` null means that it is open."""

    number: int
    id: Annotated[str, Field(validation_alias="incident_id")]
    camera: str
    state: MaskState
    since_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    ended: str | None
    confidence: Share
    acknowledged: bool
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None


class IncidentExportOut(IncidentOut):
    """One incident as a row of a file, with its newest review and links to its page and its picture."""

    note: str
    reviewer: str | None
    reviewed_at: datetime | None
    page: str
    picture: str


class ReviewOut(ResponseModel):
    """One review; `decision` null is an acknowledgement, `withdrawn` undoes earlier reviews."""

    by: str
    at: datetime
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None
    note: str


class CountOut(BaseModel):
    """A number of results."""

    count: int


class SegmentOut(ResponseModel):
    """A part of the visit in one state, in seconds since the person was first seen."""

    state: MaskState
    start_s: Seconds
    end_s: Seconds


class KeepIn(RequestModel):
    """Why an incident is kept, and for how many days from now."""

    reason: Reason
    days: Annotated[int, Field(ge=1, le=3650)]


class EraseIn(RequestModel):
    """Why something is erased, for the audit log."""

    reason: Reason


class KeptOut(ResponseModel):
    """Who keeps an incident, since when and until when, and why."""

    by: str
    at: datetime
    reason: str
    until: datetime


class IncidentDetailOut(ResponseModel):
    """Everything that is known about an incident; `share` (0..1) and the like are the evidence when it opened."""

    incident: IncidentOut
    box_px: list[Pixels]
    share: Share | None
    evidence_s: Seconds | None
    observations: int | None
    first_seen_at: datetime | None
    segments: list[SegmentOut]
    reviews: list[ReviewOut]
    model: str
    model_sha256: str
    settings_sha256: str
    settings: dict[str, Any] | None
    version: str
    kept: KeptOut | None = None


class ClipOut(BaseModel):
    """One video of an incident; `blurred` is the state of the copy that hides everybody but the person concerned."""

    part: int
    started_at: datetime
    duration_s: Seconds
    width_px: int
    height_px: int
    codec: str
    sha256: str
    blurred: CopyState


class ClipsOut(BaseModel):
    """The videos of an incident; `pending`: there is none yet, but one may come."""

    clips: list[ClipOut]
    pending: bool


class CopyOut(BaseModel):
    """The state of a copy."""

    state: CopyState


class ClipIncidentOut(BaseModel):
    """An incident that a video shows, in seconds of the video."""

    incident_id: str
    track_id: int
    state: MaskState
    since_s: float
    opened_s: float
    closed_s: float | None


class ClipFrameOut(BaseModel):
    """One analysed picture: `people` are lists of number, state, score, x1, y1, x2, y2, and 1 if an incident is open.

    `others` are the boxes x1, y1, x2, y2 of faces that belong to no such person.
    """

    at: float
    people: list[tuple[int, MaskState, float, int, int, int, int, int]]
    others: list[tuple[int, int, int, int]]


class ClipNotesOut(BaseModel):
    """Who was where in a video; boxes in pixels of a picture of `size_px`, zones in fractions of its sides."""

    subject: int
    size_px: tuple[int, int] | None
    zones: dict[str, list[tuple[float, float]]]
    incidents: list[ClipIncidentOut]
    frames: list[ClipFrameOut]


class VisitOut(ResponseModel):
    """One person's visit to a camera's view."""

    number: int
    camera: str
    first_seen_at: datetime
    last_seen_at: datetime | None
    duration_s: Seconds
    outcome: Outcome
    time_to_comply_s: Seconds | None
    observations: int
    median_face_px: Pixels


class ComplianceOut(ResponseModel):
    """A compliance rate (0..1) with its denominator `decided` and 95 % interval; null if no visit has a verdict."""

    visits: int
    decided: int
    complied: int
    rate: Share | None
    low: Share | None
    high: Share | None
    unknown_share: Share
    outcomes: dict[Outcome, int]


class BucketOut(BaseModel):
    """Compliance of the visits that began in one hour or day, or at one camera."""

    label: str
    start_at: datetime | None
    compliance: ComplianceOut


class ReviewCountsOut(BaseModel):
    """Incidents of one camera and their reviews; the rate is of those with a decision."""

    camera: str
    incidents: int
    confirmed: int
    false_alarms: int
    false_alarm_rate: Share | None
    low: Share | None
    high: Share | None


class ComplyTimesOut(ResponseModel):
    """How long people took to comply after a violation began."""

    people: int
    median_s: Seconds | None
    p90_s: Seconds | None


class StatisticsOut(BaseModel):
    """Statistics of a period."""

    since: datetime
    until: datetime
    total: ComplianceOut
    over_time: list[BucketOut]
    by_camera: list[BucketOut]
    time_to_comply: ComplyTimesOut
    reviews: list[ReviewCountsOut]


class CameraOut(BaseModel):
    """The state of a camera; `age_ms` is the age of its newest analysed frame, `stale_after_ms` how old it may be."""

    name: str
    sample: bool
    condition: str
    cause: str | None
    detail: str
    since_ms: int
    age_ms: int | None
    stale_after_ms: int
    fps: float
    analyses_per_s: float
    people: dict[MaskState, int]
    violating: bool


class CameraHealthOut(CameraOut):
    """A camera with all its measurements."""

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
    """One open page: its account, the age of pictures on arrival, and how many arrived per second."""

    who: str
    p50_ms: float | None
    p95_ms: float | None
    per_s: float | None


class WarningOut(ResponseModel):
    """A problem to solve before it becomes a fault: `code` for programs, `text` for people, and since when."""

    code: WarningCode
    text: str
    since: datetime


class StorageOut(ResponseModel):
    """The files of evidence, and how long the disk lasts at the rate of the last week.

    `step` is what is done because the disk is nearly full. `days_left` null: retention keeps them below its size.
    """

    step: Step
    files: int
    bytes: int
    bytes_per_day: float
    days_left: float | None


class HealthOut(BaseModel):
    """The state of the monitor; `reasons` lists what has failed, `warnings` what may fail soon.

    `public_key` (Ed25519, hexadecimal) is that of the signatures of the chain of evidence; null before the first one.
    """

    healthy: bool
    reasons: list[str]
    warnings: list[WarningOut]
    version: str
    started_at: datetime
    model: str
    model_choice: str
    model_sha256: str
    backend: str
    device: str
    memory_mb: float
    disk_free_mb: float | None
    disk_used_share: float | None
    storage: StorageOut
    public_key: str | None
    cameras: list[CameraHealthOut]
    viewers: list[ViewerOut]


class HealthyOut(BaseModel):
    """Whether the monitor is healthy, for a container's health check."""

    healthy: bool
    reasons: list[str]


class AuditOut(ResponseModel):
    """An entry of the audit log: who did what, when, and from which address."""

    at: datetime
    who: str
    action: str
    detail: str
    address: str


class PhotoIn(RequestModel):
    """A picture in base64, with or without the prefix of a data URI."""

    image: str


class FaceOut(BaseModel):
    """One face in a photograph; the box is x1, y1, x2, y2 in pixels of the upright picture."""

    state: MaskState
    score: float
    box_px: list[float]


class PhotoOut(BaseModel):
    """The annotated picture, a JPEG in base64, the faces in it, and a note if the file has more than was read."""

    image: str
    width_px: int
    height_px: int
    note: str | None
    detections: list[FaceOut]


class WordsOut(BaseModel):
    """The kiosk's texts for one verdict."""

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
    """Background and text colour of one verdict, as #rrggbb."""

    ground: str
    ink: str


class KioskOut(BaseModel):
    """The kiosk's texts and colours, by its settings."""

    language: str
    mirror: bool
    sound: bool
    languages: list[LanguageOut]
    paints: dict[str, PaintOut]


class KioskTokenIn(RequestModel):
    """The camera whose kiosk page a browser shows, and its language; null: the language of the settings."""

    camera: Annotated[str, Field(min_length=1, max_length=64)]
    language: Annotated[str, Field(min_length=1, max_length=16)] | None = None


class KioskLinkOut(BaseModel):
    """A link to open once in the kiosk's browser before `expires_at`. It is not shown again."""

    number: int
    camera: str
    language: str | None
    url: str
    expires_at: datetime


class KioskTokenOut(ResponseModel):
    """A kiosk token without its secret; `last_seen_at` null means that its link has not been opened yet."""

    number: int
    camera: str
    language: str | None
    created_by: str
    created_at: datetime
    last_seen_at: datetime | None
    expires_at: datetime


class PairIn(RequestModel):
    """The secret of a kiosk link: the part after its `#`."""

    secret: Annotated[str, Field(min_length=1, max_length=100)]


class KioskPageOut(BaseModel):
    """The path of the page that a paired browser shows."""

    path: str


def incident_message(incident: Incident) -> dict[str, Any]:
    """Return the socket's message about the current state of an incident."""
    return {"type": "incident", "incident": IncidentOut.of(incident).model_dump(mode="json")}

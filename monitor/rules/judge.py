"""The rules of one camera: observations in, tracks with verdicts and events out (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from monitor.config.rules import RulesSettings
from monitor.domain.calibration import Likelihood
from monitor.domain.detection import Detection, MaskState, Observation
from monitor.domain.event import CloseReason, Event, IncidentClosed, IncidentOpened, VisitEnded
from monitor.domain.frame import Image
from monitor.domain.track import Track
from monitor.rules.evidence import Evidence
from monitor.rules.incidents import IncidentRule, Transition
from monitor.rules.quality import face_weight, is_too_near, is_usable, sharpness
from monitor.rules.visits import VisitRecord


@dataclass(frozen=True, slots=True)
class _Times:
    """The time of an analysis, and the usual time between two, in seconds."""

    time_s: float
    interval_s: float


@dataclass(slots=True)
class _Doubt:
    """The evidence of a person before it was in doubt whether they are still the same, and the detections since."""

    before: Evidence
    seen: list[tuple[Detection, Likelihood | None, float]] = field(default_factory=list)


@dataclass(slots=True)
class _Person:
    evidence: Evidence
    incident: IncidentRule
    visit: VisitRecord
    incident_id: str = ""
    doubt: _Doubt | None = None

    def add(self, detection: Detection, likelihood: Likelihood | None, *, certain: bool, at: _Times) -> MaskState:
        """Add a detection to the evidence, and return the decided state.

        While it is in doubt whether this is the same person it does not count; once it is known that it is, it counts
        from when it was seen.
        """
        if certain and self.doubt is not None:
            self.evidence = self.doubt.before
            for earlier, said, time_s in self.doubt.seen:
                self.evidence.add(earlier.state, earlier.score, said, time_s, at.interval_s)
            self.doubt = None
        if not certain:
            self.doubt = self.doubt or _Doubt(self.evidence.copy())
            self.doubt.seen.append((detection, likelihood, at.time_s))
        said = likelihood if certain else None
        return self.evidence.add(detection.state, detection.score, said, at.time_s, at.interval_s)


class Judge:
    """Collects evidence for each person, and turns it into verdicts, incidents and visits.

    A person without an observation for `lost_after_s` has left; the visit ends at the last observation. Events are in
    the order of track numbers, so the same observations always give the same events. `series` becomes a part of
    incident ids, which keeps them unique if several runs share a journal; `settings` is stored with incidents.
    """

    def __init__(
        self,
        source_id: str,
        rules: RulesSettings,
        series: str = "",
        settings: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self._source_id = source_id
        self._series = series
        self._settings = settings
        self._rules = rules
        self._people: dict[int, _Person] = {}
        self._incidents = 0

    def update(
        self,
        image: Image,
        observations: Sequence[Observation],
        time_s: float,
        lost_after_s: float,
        interval_s: float = 0.0,
    ) -> tuple[tuple[Track, ...], list[Event]]:
        """Add the observations of one frame (H x W x 3, uint8, BGR); return the tracks in view and the events.

        `time_s` is the frame's time, `interval_s` the usual time between two analyses (0: unknown), both in seconds.
        """
        events = self._leave(time_s, lost_after_s)
        tracks = []
        for observation in observations:
            track, happened = self._observe(image, observation, time_s, interval_s)
            tracks.append(track)
            events += happened
        seen = {observation.track_id for observation in observations}
        for track_id, person in self._people.items():
            if track_id not in seen:
                person.evidence.miss(time_s, interval_s)
        return tuple(tracks), events

    def end(self, time_s: float, reason: CloseReason) -> list[Event]:
        """Close every visit and incident at `time_s`, since the source has ended or is lost; return the events."""
        events = [event for track_id in sorted(self._people) for event in self._close(track_id, time_s, reason)]
        self._people.clear()
        return events

    def _observe(
        self, image: Image, observation: Observation, time_s: float, interval_s: float
    ) -> tuple[Track, list[Event]]:
        detection, track_id = observation.detection, observation.track_id
        person = self._people.get(track_id)
        if person is None:
            visit = VisitRecord(self._source_id, track_id, first_seen_s=time_s, last_seen_s=time_s)
            person = _Person(Evidence(self._rules), IncidentRule(self._rules, time_s), visit)
            self._people[track_id] = person
        sharp = sharpness(image, detection.box)
        likelihood = detection.likelihood(sharp) if is_usable(image, detection.box, sharp, self._rules) else None
        at = _Times(time_s, interval_s)
        state = person.add(detection, likelihood, certain=observation.certain, at=at)
        person.visit.add(state, detection.box.height_px, time_s)
        weight = face_weight(image, detection.box, sharp, self._rules) if observation.certain else 0.0
        track = Track(
            track_id=track_id,
            box=detection.box,
            state=state,
            confidence=person.evidence.confidence(state),
            first_seen_s=person.visit.first_seen_s,
            last_seen_s=time_s,
            hits=person.visit.hits,
            clarity=detection.score * weight if detection.state is state else 0.0,
            too_near=is_too_near(image, detection.box),
        )
        events = self._rule(person, track, time_s)
        return replace(track, incident_open=person.incident.is_open), events

    def _rule(self, person: _Person, track: Track, time_s: float) -> list[Event]:
        opened_s = person.incident.opened_s
        match person.incident.update(track.state, time_s):
            case Transition.OPENED:
                self._incidents += 1
                person.incident_id = f"{self._source_id}-{self._series}{self._incidents:06d}"
                since_s = person.incident.violating_since_s
                return [
                    IncidentOpened(
                        incident_id=person.incident_id,
                        source_id=self._source_id,
                        track_id=track.track_id,
                        state=track.state,
                        time_s=time_s,
                        since_s=time_s if since_s is None else since_s,
                        confidence=track.confidence,
                        box=track.box,
                        share=person.evidence.probability(track.state),
                        evidence_s=person.evidence.total_s,
                        observations=track.hits,
                        settings=self._settings,
                    )
                ]
            case Transition.CORRECTED:
                return [self._closed(person, time_s if opened_s is None else opened_s, time_s, CloseReason.CORRECTED)]
            case Transition.NONE:
                return []

    def _leave(self, time_s: float, lost_after_s: float) -> list[Event]:
        gone = [
            track_id
            for track_id, person in sorted(self._people.items())
            if time_s - person.visit.last_seen_s > lost_after_s
        ]
        events = [event for track_id in gone for event in self._close(track_id, time_s, CloseReason.GONE)]
        for track_id in gone:
            del self._people[track_id]
        return events

    def _close(self, track_id: int, time_s: float, reason: CloseReason) -> list[Event]:
        person = self._people[track_id]
        events: list[Event] = []
        if person.incident.opened_s is not None:
            events.append(self._closed(person, person.incident.opened_s, person.visit.last_seen_s, reason))
        visit = person.visit.finish(settled_s=self._rules.dwell_s)
        return [*events, VisitEnded(self._source_id, time_s, visit)]

    def _closed(self, person: _Person, opened_s: float, time_s: float, reason: CloseReason) -> IncidentClosed:
        return IncidentClosed(
            incident_id=person.incident_id,
            source_id=self._source_id,
            track_id=person.visit.track_id,
            time_s=time_s,
            duration_s=time_s - opened_s,
            reason=reason,
        )

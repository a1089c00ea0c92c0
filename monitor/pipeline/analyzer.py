"""One camera's people, frame by frame: zones, tracker, judge, and the clearest image of every violation.

The same class live, in a replay and in what-if: no locks, no clock, no I/O.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from monitor.domain.detection import Detection
from monitor.domain.event import CloseReason, Event, EventRecord, IncidentOpened
from monitor.domain.frame import Frame
from monitor.domain.ports import Tracker
from monitor.domain.track import Track
from monitor.domain.zone import Zone, inside
from monitor.evidence.best_snapshot import BestSnapshots
from monitor.pipeline.rate import Interval
from monitor.rules.continuity import Continuity
from monitor.rules.judge import Judge

#: A person is not gone before so many analyses in a row have missed them, however far apart these are: with one every
#: ten seconds, a limit of one second would let everybody go between two of them.
_MISSED = 2.5


class Analyzer:
    """Takes the detections of one camera's frames in their order, and tells who is in view and what happened.

    `lost_after_s` is for how long a person may be unseen; it grows with the time between analyses.
    """

    def __init__(
        self, make_tracker: Callable[[], Tracker], judge: Judge, lost_after_s: float, zones: Sequence[Zone] = ()
    ) -> None:
        self._make_tracker = make_tracker
        self._tracker = make_tracker()
        self._judge = judge
        self._lost_after_s = lost_after_s
        self._zones = zones
        self._interval = Interval()
        self._continuity = Continuity()
        self._snapshots = BestSnapshots()

    def update(
        self, frame: Frame, detections: Sequence[Detection], provenance: Mapping[str, object]
    ) -> tuple[tuple[Track, ...], list[EventRecord]]:
        """Analyse one frame; return the people now in view, and what happened.

        `provenance` is what incidents say of the detector that found the faces. Faces outside every zone are not
        judged, but hidden in pictures like anybody else's.
        """
        self._interval.add(frame.time_s)
        interval_s = self._interval.usual_s or 0.0
        lost_after_s = max(self._lost_after_s, _MISSED * interval_s)
        observations = self._tracker.update(inside(detections, self._zones, frame), frame.time_s, lost_after_s)
        people = self._continuity.update(frame.image, observations, frame.time_s, lost_after_s)
        tracks, events = self._judge.update(frame.image, people, frame.time_s, lost_after_s, interval_s)
        self._snapshots.update(frame.image, tracks, [detection.box for detection in detections])
        return tracks, [self._record(event, provenance) for event in events]

    def reset(self, time_s: float, reason: CloseReason) -> list[EventRecord]:
        """Let everybody go: nobody who is seen from now on is anybody who was seen before."""
        self._tracker = self._make_tracker()
        self._interval = Interval()
        self._continuity = Continuity()
        self._snapshots = BestSnapshots()
        return [EventRecord(event) for event in self._judge.end(time_s, reason)]

    def _record(self, event: Event, provenance: Mapping[str, object]) -> EventRecord:
        if not isinstance(event, IncidentOpened):
            return EventRecord(event)
        event = replace(event, settings={"detector": provenance, **event.settings})
        return EventRecord(event, self._snapshots.picture(event.track_id))

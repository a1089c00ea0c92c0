"""The analysis of one camera's frames: zones, tracker, rules, and the clearest image of every violation.

The same class runs live and in a replay: no locks, no clock, no I/O.
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

#: A person is gone only after this many analyses in a row without a detection, however far apart they are: with an
#: analysis every ten seconds, a limit of one second would end every track between two of them.
_MISSED = 2.5


class Analyzer:
    """Turns the detections of one camera's frames, in order, into tracks and events.

    `lost_after_s` is how long a person may be without a detection; it grows with the time between analyses.
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
        """Analyse one frame; return the tracks of the people in view, and the events with their pictures.

        `detections` are those of the whole frame, boxes in its pixels. `provenance` describes the detector and is
        stored with incidents. Faces outside every zone are not analysed, but are hidden in pictures.
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
        """Close every visit and incident at `time_s`, and return the events; people seen later get new tracks."""
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

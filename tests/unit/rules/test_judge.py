import copy
import functools
from dataclasses import replace

import numpy as np
import pytest

from monitor.config.rules import RulesSettings
from monitor.domain.detection import DECIDED_STATES
from monitor.domain.event import CloseReason, IncidentClosed, IncidentOpened, VisitEnded
from monitor.domain.geometry import Box
from monitor.domain.visit import Outcome
from monitor.rules.judge import Judge
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT, checkers, flat, seen

IMAGE = checkers(400, 600)
IMAGE.setflags(write=False)
RULES = RulesSettings(dwell_s=1, grace_s=0, cooldown_s=2)
PLACES = {1: Box(20, 100, 120, 200), 2: Box(220, 100, 320, 200), 3: Box(420, 100, 520, 200)}


class Door:
    """A camera that is told who stands before it."""

    def __init__(self, rules=RULES, lost_after_s=1.0, per_s=10, image=IMAGE, name="door"):
        self.judge = Judge(name, rules)
        self.lost_after_s = lost_after_s
        self.events = []
        self.tracks = ()
        self.now_s = 0.0
        self._per_s = per_s
        self._image = image
        self._looks = 0

    def show(self, seconds, people=(), score=0.9):
        """Show these people ({track: state}) for so long."""
        for _ in range(round(seconds * self._per_s)):
            self.now_s = self._looks / self._per_s
            self._looks += 1
            looks = [seen(state, PLACES[track], track, score) for track, state in sorted(dict(people).items())]
            self.tracks, events = self.judge.update(self._image, looks, self.now_s, self.lost_after_s)
            self.events += events
        return self

    def end(self, reason=CloseReason.SOURCE_ENDED):
        self.events += self.judge.end(self.now_s, reason)
        return self.events

    def told(self):
        return [type(event).__name__ for event in self.events]


def test_an_empty_picture_tells_nothing():
    door = Door().show(5)
    assert door.end() == []
    assert door.tracks == ()


def test_a_compliant_person_is_a_visit_and_no_incident():
    (visit,) = Door().show(3, {1: WITH}).end()
    assert isinstance(visit, VisitEnded)
    assert visit.visit.outcome is Outcome.COMPLIANT
    assert visit.visit.track_id == 1
    assert visit.visit.source_id == visit.source_id == "door"


@pytest.mark.parametrize(("state", "outcome"), [(WITHOUT, Outcome.VIOLATION), (INCORRECT, Outcome.INCORRECT)])
def test_a_violation_is_an_incident_after_its_dwell(state, outcome):
    door = Door().show(4, {1: state})
    (opened,) = door.events
    assert isinstance(opened, IncidentOpened)
    assert (opened.track_id, opened.state, opened.source_id) == (1, state, "door")
    assert opened.time_s - opened.since_s == pytest.approx(1.0, abs=0.11)
    assert opened.since_s == pytest.approx(0.35, abs=0.15)  # once enough had been seen
    assert opened.box == PLACES[1]
    assert opened.confidence == pytest.approx(0.9, abs=0.01)
    _, closed, ended = door.end()
    assert closed.reason is CloseReason.SOURCE_ENDED
    assert ended.visit.outcome is outcome


def test_a_mask_put_on_closes_the_incident_and_corrects_the_visit():
    door = Door().show(4, {1: WITHOUT}).show(4, {1: WITH})
    opened, closed = door.events
    assert isinstance(closed, IncidentClosed)
    assert closed.reason is CloseReason.CORRECTED
    assert closed.incident_id == opened.incident_id
    assert 4.0 < closed.time_s < 6.5
    assert closed.duration_s == pytest.approx(closed.time_s - opened.time_s)
    visit = door.end()[-1].visit
    assert visit.outcome is Outcome.CORRECTED
    assert visit.time_to_comply_s == pytest.approx(closed.time_s - opened.since_s)


def test_a_person_who_leaves_ends_their_incident_and_visit_at_the_last_sight():
    door = Door().show(4, {1: WITHOUT}).show(0.9)
    assert door.told() == ["IncidentOpened"]
    door.show(1)
    opened, closed, ended = door.events
    assert closed.reason is CloseReason.GONE
    assert closed.time_s == ended.visit.last_seen_s == pytest.approx(3.9)
    assert closed.duration_s == pytest.approx(3.9 - opened.time_s)
    assert ended.time_s == pytest.approx(5.0, abs=0.11)
    assert ended.visit.outcome is Outcome.VIOLATION


def test_a_person_who_was_out_of_sight_for_a_moment_is_still_the_same_visit():
    door = Door().show(2, {1: WITH}).show(0.9).show(2, {1: WITH})
    (ended,) = door.end()
    assert ended.visit.first_seen_s == 0
    assert ended.visit.last_seen_s == pytest.approx(4.8)


def test_a_number_seen_again_after_leaving_is_a_new_visit():
    door = Door().show(2, {1: WITH}).show(2).show(2, {1: WITHOUT})
    ends = [event.visit for event in door.end() if isinstance(event, VisitEnded)]
    assert [visit.outcome for visit in ends] == [Outcome.COMPLIANT, Outcome.VIOLATION]
    assert ends[1].first_seen_s == pytest.approx(4.0)


@pytest.mark.parametrize("reason", [CloseReason.SOURCE_LOST, CloseReason.SOURCE_ENDED])
def test_a_source_that_is_lost_or_over_closes_everything_with_its_reason(reason):
    door = Door().show(3, {1: WITHOUT, 2: WITH, 3: INCORRECT})
    before = len(door.events)
    events = door.end(reason)[before:]
    assert [type(event).__name__ for event in events] == [
        "IncidentClosed", "VisitEnded", "VisitEnded", "IncidentClosed", "VisitEnded",
    ]  # fmt: skip
    assert all(event.reason is reason for event in events if isinstance(event, IncidentClosed))
    assert [event.visit.track_id for event in events if isinstance(event, VisitEnded)] == [1, 2, 3]


def test_at_the_end_people_are_told_in_the_order_of_their_numbers():
    door = Door().show(1, {3: WITH}).show(1, {2: WITH, 3: WITH}).show(1, {1: WITH, 2: WITH, 3: WITH})
    assert [event.visit.track_id for event in door.end()] == [1, 2, 3]


def test_the_end_comes_once():
    door = Door().show(3, {1: WITHOUT})
    door.end()
    assert door.judge.end(9.0, CloseReason.SOURCE_ENDED) == []


def test_unknown_does_not_close_an_incident():
    door = Door().show(3, {1: WITHOUT}).show(6, {1: UNKNOWN})
    assert door.told() == ["IncidentOpened"]
    assert door.tracks[0].state is UNKNOWN
    assert door.tracks[0].incident_open


@pytest.mark.parametrize("image", [flat(400, 600)], ids=["blurred"])
def test_who_cannot_be_seen_well_is_unknown_and_opens_nothing(image):
    door = Door(image=image).show(10, {1: WITHOUT, 2: WITH})
    assert {track.state for track in door.tracks} == {UNKNOWN}
    assert all(track.confidence == 0 for track in door.tracks)
    ends = door.end()
    assert [event.visit.outcome for event in ends] == [Outcome.UNKNOWN, Outcome.UNKNOWN]


def test_who_is_too_small_or_cut_off_is_unknown():
    judge = Judge("door", RULES)
    for number in range(100):
        looks = [seen(WITHOUT, Box(50, 50, 69, 69), 1), seen(WITHOUT, Box(0, 100, 100, 200), 2)]
        tracks, events = judge.update(IMAGE, looks, number / 25, 1.0)
        assert {track.state for track in tracks} == {UNKNOWN}
        assert events == []


def test_people_are_judged_apart():
    door = Door().show(3, {1: WITHOUT, 2: WITH, 3: INCORRECT})
    assert [track.state for track in door.tracks] == [WITHOUT, WITH, INCORRECT]
    assert [track.incident_open for track in door.tracks] == [True, False, True]
    assert [track.box for track in door.tracks] == list(PLACES.values())
    opened = [(event.track_id, event.state) for event in door.events]
    assert opened == [(1, WITHOUT), (3, INCORRECT)]


def test_a_track_says_when_it_was_seen_and_how_often():
    door = Door().show(1).show(2, {1: WITH})
    (track,) = door.tracks
    assert track.first_seen_s == pytest.approx(1.0)
    assert track.last_seen_s == door.now_s
    assert track.hits == 20


def test_only_those_in_view_are_tracks():
    door = Door().show(2, {1: WITH, 2: WITH}).show(0.5, {2: WITH})
    assert [track.track_id for track in door.tracks] == [2]


def test_incidents_are_numbered_in_the_order_of_opening():
    rules = RulesSettings(dwell_s=0.5, cooldown_s=0)
    door = Door(rules).show(3, {2: WITHOUT}).show(3, {2: WITHOUT, 1: WITHOUT}).show(5, {1: WITH, 2: WITH})
    door.show(4, {1: WITHOUT, 2: WITH})
    opened = [event for event in door.events if isinstance(event, IncidentOpened)]
    assert [event.track_id for event in opened] == [2, 1, 1]
    assert [event.incident_id for event in opened] == ["door-000001", "door-000002", "door-000003"]
    closed = [event for event in door.events if isinstance(event, IncidentClosed)]
    assert [event.incident_id for event in closed] == ["door-000001", "door-000002"] or [
        event.incident_id for event in closed
    ] == ["door-000002", "door-000001"]


def test_no_repeat_within_the_cool_down():
    calm = RulesSettings(dwell_s=0.5, cooldown_s=100)
    door = Door(calm)
    for _ in range(4):
        door.show(3, {1: WITHOUT}).show(3, {1: WITH})
    assert door.told() == ["IncidentOpened", "IncidentClosed"]


def test_grace_leaves_time_to_put_a_mask_on():
    polite = RulesSettings(dwell_s=0.5, grace_s=5)
    assert Door(polite).show(3, {1: WITHOUT}).show(5, {1: WITH}).told() == []
    (opened,) = Door(polite).show(8, {1: WITHOUT}).events
    assert opened.time_s == pytest.approx(5.0, abs=0.11)


def test_who_leaves_is_told_before_who_is_seen():
    door = Door(RulesSettings(dwell_s=0, cooldown_s=0)).show(2, {1: WITHOUT})
    door.show(1.0, {2: UNKNOWN}).show(3, {2: WITHOUT})
    assert door.told() == ["IncidentOpened", "IncidentClosed", "VisitEnded", "IncidentOpened"]


def test_those_who_leave_together_are_told_in_the_order_of_their_numbers():
    door = Door().show(1, {3: WITH}).show(1, {3: WITH, 1: WITH}).show(2, {1: WITH, 2: WITH, 3: WITH}).show(3)
    assert [event.visit.track_id for event in door.events] == [1, 2, 3]


def test_every_incident_is_closed_and_every_person_is_told_once():
    for seed in range(5):
        door = known_day(seed)
        opened = [event.incident_id for event in door.events if isinstance(event, IncidentOpened)]
        closed = [event.incident_id for event in door.events if isinstance(event, IncidentClosed)]
        assert sorted(opened) == sorted(closed)
        assert len(set(opened)) == len(opened)
        running = set()
        for event in door.events:
            match event:
                case IncidentOpened():
                    running.add(event.incident_id)
                    assert event.since_s <= event.time_s
                    assert 0 < event.confidence <= 1
                case IncidentClosed():
                    assert event.incident_id in running
                    running.remove(event.incident_id)
                    assert event.duration_s >= 0
                case VisitEnded():
                    assert event.visit.first_seen_s <= event.visit.last_seen_s <= event.time_s
        assert not running


def test_a_visit_with_an_incident_is_never_compliant():
    for seed in range(5):
        door = known_day(seed)
        incidents = {event.track_id: event.time_s for event in door.events if isinstance(event, IncidentOpened)}
        for event in door.events:
            if isinstance(event, VisitEnded) and event.visit.outcome is Outcome.COMPLIANT:
                opened_s = incidents.get(event.visit.track_id)
                assert opened_s is None or not event.visit.first_seen_s <= opened_s <= event.visit.last_seen_s


@functools.cache
def known_day(seed):
    return random_day(seed)


def random_day(seed):
    rng = np.random.default_rng(seed)
    door = Door(RulesSettings(dwell_s=0.6, cooldown_s=1), per_s=12)
    for _ in range(40):
        people = {track: (*DECIDED_STATES, UNKNOWN)[rng.integers(4)] for track in PLACES if rng.random() < 0.7}
        door.show(float(rng.choice([0.3, 0.8, 1.5, 2.5])), people, score=float(rng.uniform(0.4, 1)))
    door.end()
    return door


def test_the_same_looks_tell_the_same_events():
    assert known_day(3).events == random_day(3).events
    assert known_day(3).events != known_day(4).events


def test_where_the_clock_started_changes_nothing_but_the_times():
    def run(start_s):
        judge, events = Judge("door", RULES), []
        for number in range(60):
            state = WITHOUT if number < 40 else WITH
            events += judge.update(IMAGE, [seen(state, PLACES[1])], start_s + number / 8, 1.0)[1]
        return [(type(event), event.time_s - start_s) for event in events]

    assert run(0.0) == run(4096.0)


def test_the_events_come_at_about_the_same_time_at_5_and_25_looks_a_second():
    def times(per_s):
        door = Door(per_s=per_s).show(5, {1: WITHOUT}).show(5, {1: WITH}).show(3)
        door.end()
        return [event.time_s for event in door.events]

    assert times(5) == pytest.approx(times(25), abs=0.45)


def test_the_picture_and_the_looks_are_not_changed():
    looks = [seen(WITHOUT, PLACES[1])]
    before = copy.deepcopy(looks)
    Judge("door", RULES).update(IMAGE, looks, 0.0, 1.0)  # IMAGE is read-only
    assert looks == before


def test_two_cameras_do_not_share_people():
    one, other = Judge("one", RULES), Judge("other", RULES)
    for number in range(40):
        one.update(IMAGE, [seen(WITHOUT, PLACES[1])], number / 10, 1.0)
    tracks, events = other.update(IMAGE, [seen(WITHOUT, PLACES[1])], 4.0, 1.0)
    assert events == []
    assert tracks[0].hits == 1


def test_what_is_seen_in_doubt_counts_once_it_proves_to_be_the_same_person():
    def states(doubtful_until):
        judge, told = Judge("door", RULES), []
        for number in range(12):
            look = seen(WITHOUT, PLACES[1], 1, 0.9)
            look = replace(look, certain=number >= doubtful_until)
            tracks, _ = judge.update(IMAGE, [look], number / 10, 1.0)
            told.append(tracks[0].state)
        return told

    doubtful, clear = states(6), states(0)
    assert doubtful[:6] == [UNKNOWN] * 6
    assert doubtful[6:] == clear[6:]
    assert doubtful[6] is WITHOUT

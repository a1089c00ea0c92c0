"""Finding, reading and judging incidents on real databases."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select, update

from monitor.domain.detection import MaskState
from monitor.domain.event import CloseReason, IncidentClosed, IncidentOpened, VisitEnded
from monitor.domain.geometry import Box
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.storage.database import in_utc
from monitor.storage.incidents import NOT_TOLD, STOPPED_AFTER, IncidentRepository, ReviewStatus, Search
from monitor.storage.journal import Journal
from monitor.storage.run_info import CurrentRun, RunInfo
from monitor.storage.schema import IncidentRow, RunRow
from monitor.storage.statistics import Span, StatisticsRepository
from monitor.storage.unfinished import finish_visits
from tests.fakes import FakeClock

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
WITHOUT, INCORRECT = MaskState.WITHOUT_MASK, MaskState.INCORRECT


def to_utc(time_s: float) -> datetime:
    return START + timedelta(seconds=time_s)


SETTINGS = {"rules": {"dwell_s": 1.5}, "zones": {"Tür": [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]}}


def run(started_at: datetime) -> CurrentRun:
    return CurrentRun(RunInfo("live", started_at, "0.1.0", "SSD", "a" * 64, "b" * 64))


def opened(name: str, camera: str, time_s: float, state: MaskState = WITHOUT, track: int = 1) -> IncidentOpened:
    return IncidentOpened(
        incident_id=name,
        source_id=camera,
        track_id=track,
        state=state,
        time_s=time_s,
        since_s=time_s - 2.0,
        confidence=0.87654321,
        box=Box(1.5, 2.5, 30.25, 40.125),
        share=0.875,
        evidence_s=1.5,
        observations=12,
        settings=SETTINGS,
    )


def closed(name: str, camera: str, time_s: float, reason: CloseReason = CloseReason.GONE) -> IncidentClosed:
    return IncidentClosed(name, camera, 1, time_s, 1.0, reason)


def kill(engine: Engine, owner_of: str, ago: timedelta = STOPPED_AFTER) -> None:
    """Leave the run of an incident without a heartbeat for so long, as when its program is killed."""
    with engine.begin() as connection:
        now = in_utc(connection.execute(select(func.now())).scalar_one())
        run_id = select(IncidentRow.run_id).where(IncidentRow.incident_id == owner_of).scalar_subquery()
        connection.execute(update(RunRow).where(RunRow.id == run_id).values(beat_at=now - ago - timedelta(seconds=1)))


class Desk:
    """A repository of a run at work, with one from the day before, which was stopped by force."""

    def __init__(self, engine: Engine) -> None:
        self.clock = FakeClock(0.0, START + timedelta(hours=1))
        Journal(engine, run(START - timedelta(days=1)), lambda s: to_utc(s) - timedelta(days=1)).put(
            opened("old-1", "door", 10.0)
        )
        kill(engine, "old-1")
        self.journal = Journal(engine, run(START), to_utc)
        self.incidents = IncidentRepository(engine, self.clock, START)
        self.journal.put(opened("new-1", "door", 10.0))
        self.journal.put(closed("new-1", "door", 15.0, CloseReason.CORRECTED))
        self.journal.put(opened("new-2", "yard", 20.0, INCORRECT, track=2))
        self.journal.put(opened("new-3", "door", 30.0, INCORRECT, track=3))
        self.journal.put(closed("new-3", "door", 60.0))
        self.journal.put(opened("new-4", "door", 100.0, track=4))

    def number(self, name: str) -> int:
        (found,) = [each.number for each in self.incidents.find(Search(most=200)) if each.incident_id == name]
        return found

    def names(self, **conditions: object) -> list[str]:
        return [each.incident_id for each in self.incidents.find(Search(**conditions))]  # type: ignore[arg-type]


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


ALL = ["new-4", "new-3", "new-2", "new-1", "old-1"]


def test_incidents_are_found_by_everything_that_is_asked(desk: Desk):
    assert desk.names() == ALL
    assert desk.names(camera="yard") == ["new-2"]
    assert desk.names(camera="nowhere") == []
    assert desk.names(state=WITHOUT) == ["new-4", "new-1", "old-1"]
    assert desk.names(state=INCORRECT, camera="door") == ["new-3"]
    assert desk.names(open=True) == ["new-4", "new-2"]
    assert desk.names(open=False) == ["new-3", "new-1", "old-1"]
    assert desk.names(since=to_utc(20.0)) == ["new-4", "new-3", "new-2"]
    assert desk.names(until=to_utc(20.0)) == ["new-1", "old-1"]
    assert desk.names(since=to_utc(20.0), until=to_utc(30.001), open=True) == ["new-2"]
    elsewhere = to_utc(20.0).astimezone(ZoneInfo("Asia/Kathmandu"))
    assert desk.names(since=elsewhere) == ["new-4", "new-3", "new-2"]


def test_only_the_reader_s_cameras_are_found(desk: Desk):
    assert desk.names(cameras=frozenset({"yard"})) == ["new-2"]
    assert desk.names(cameras=frozenset({"yard"}), camera="door") == []
    assert desk.names(cameras=frozenset()) == []
    assert desk.names(cameras=frozenset({"door", "yard"})) == ALL


def test_pages_follow_each_other_without_a_gap_or_a_double(desk: Desk):
    for number in range(5, 30):
        desk.journal.put(opened(f"new-{number}", "door", 100.0 + number))
    read: list[int] = []
    before = None
    while page := desk.incidents.find(Search(before=before, most=7)):
        read += [each.number for each in page]
        before = read[-1]
    assert len(read) == 30
    assert read == sorted(set(read), reverse=True)


def test_what_a_killed_run_left_open_is_over(desk: Desk):
    (old,) = desk.incidents.find(Search(before=2))
    assert old.incident_id == "old-1"
    assert old.ended == NOT_TOLD
    assert old.closed_at is None


def test_two_monitors_on_one_journal_see_each_other_s_incidents_as_open_while_both_live(engine: Engine):
    other_start = START + timedelta(seconds=3)
    here, there = Journal(engine, run(START), to_utc), Journal(engine, run(other_start), to_utc)
    here.put(opened("here-1", "door", 1.0))
    there.put(opened("there-1", "yard", 2.0))
    for started_at in (START, other_start):
        repository = IncidentRepository(engine, FakeClock(), started_at)
        assert {each.incident_id: each.ended for each in repository.find(Search())} == {
            "here-1": None,
            "there-1": None,
        }
        assert len(repository.find(Search(open=True))) == 2
    kill(engine, "there-1", STOPPED_AFTER - timedelta(seconds=30))
    repository = IncidentRepository(engine, FakeClock(), START)
    assert len(repository.find(Search(open=True))) == 2, "it may be slow"
    kill(engine, "there-1")
    assert {each.incident_id: each.ended for each in repository.find(Search())} == {
        "here-1": None,
        "there-1": NOT_TOLD,
    }
    assert [each.incident_id for each in repository.find(Search(open=True))] == ["here-1"]
    assert [each.incident_id for each in repository.find(Search(open=False))] == ["there-1"]
    there.beat()
    assert len(repository.find(Search(open=True))) == 2, "it was suspended, and goes on"


def test_what_a_run_leaves_open_when_it_ends_is_over_at_once(engine: Engine):
    journal = Journal(engine, run(START), to_utc)
    journal.put(opened("a-1", "door", 1.0))
    repository = IncidentRepository(engine, FakeClock(), START)
    assert repository.by_incident_id("a-1").ended is None
    journal.close()
    assert repository.by_incident_id("a-1").ended == NOT_TOLD
    assert repository.detail(repository.by_incident_id("a-1").number).incident.ended == NOT_TOLD


def test_a_heartbeat_of_a_clock_that_was_set_back_since_is_none(engine: Engine):
    Journal(engine, run(START), to_utc).put(opened("a-1", "door", 1.0))
    kill(engine, "a-1", -timedelta(days=365))
    repository = IncidentRepository(engine, FakeClock(), START)
    assert repository.find(Search(open=True)) == []


def test_before_the_journal_has_begun_nothing_is_open(engine: Engine):
    Journal(engine, run(START), to_utc).put(opened("a-1", "door", 1.0))
    kill(engine, "a-1")
    repository = IncidentRepository(engine, FakeClock(), START + timedelta(days=1))
    assert [each.ended for each in repository.find(Search())] == [NOT_TOLD]
    assert repository.find(Search(open=True)) == []
    assert len(repository.find(Search(open=False))) == 1
    assert repository.by_incident_id("a-1") is None
    Journal(engine, run(START + timedelta(days=1)), to_utc).put(opened("b-1", "door", 1.0))
    assert repository.by_incident_id("b-1").ended is None


def test_an_incident_stands_as_it_was_written(desk: Desk):
    incident = desk.incidents.incident(desk.number("new-1"))
    assert incident == desk.incidents.by_incident_id("new-1")
    assert (incident.camera, incident.state) == ("door", WITHOUT)
    assert (incident.since_at, incident.opened_at, incident.closed_at) == (to_utc(8), to_utc(10), to_utc(15))
    assert incident.ended == "corrected"
    assert incident.confidence == pytest.approx(0.87654321)
    assert (incident.acknowledged, incident.decision, incident.false_alarm_reason) == (False, None, None)
    assert desk.incidents.incident(desk.number("new-2")).ended is None


def test_there_is_nothing_of_an_incident_that_there_is_not(desk: Desk):
    for number in (0, -1, 999_999, 2**31 - 1):
        assert desk.incidents.incident(number) is None
        assert desk.incidents.camera_of(number) is None
        assert desk.incidents.detail(number) is None
    assert desk.incidents.by_incident_id("old-1") is None, "an older run's"
    assert desk.incidents.by_incident_id("' OR 1=1 --") is None


def test_the_same_incident_of_two_runs_is_two(desk: Desk, engine: Engine):
    """Were a clock set back, an older run could have used the same name."""
    Journal(engine, run(START - timedelta(days=2)), to_utc).put(opened("new-1", "yard", 10.0))
    assert desk.incidents.by_incident_id("new-1").camera == "door"


def test_the_newest_opinion_holds_and_an_acknowledgement_is_none(desk: Desk):
    number = desk.number("new-1")
    desk.incidents.review(number, "ada", None, None, "")
    assert desk.incidents.incident(number).acknowledged
    assert desk.incidents.incident(number).decision is None
    desk.incidents.review(number, "bob", ReviewDecision.FALSE_ALARM, FalseAlarmReason.BEARD, "a grey one")
    desk.incidents.review(number, "ada", ReviewDecision.CONFIRMED, None, "")
    desk.incidents.review(number, "bob", None, None, "")
    incident = desk.incidents.incident(number)
    assert (incident.decision, incident.false_alarm_reason) == (ReviewDecision.CONFIRMED, None)
    desk.incidents.review(number, "bob", ReviewDecision.FALSE_ALARM, FalseAlarmReason.SCARF, "")
    assert desk.incidents.incident(number).false_alarm_reason is FalseAlarmReason.SCARF
    reviews = desk.incidents.detail(number).reviews
    assert [(review.by, review.decision) for review in reviews] == [
        ("ada", None),
        ("bob", ReviewDecision.FALSE_ALARM),
        ("ada", ReviewDecision.CONFIRMED),
        ("bob", None),
        ("bob", ReviewDecision.FALSE_ALARM),
    ]
    assert reviews[1].note == "a grey one"
    assert {review.at for review in reviews} == {START + timedelta(hours=1)}


def test_incidents_are_found_by_what_was_said_of_them(desk: Desk):
    def say(name: str, *opinions: ReviewDecision | None) -> None:
        for decision in opinions:
            desk.incidents.review(desk.number(name), "ada", decision, None, "")

    say("new-1", ReviewDecision.FALSE_ALARM, ReviewDecision.CONFIRMED)
    say("new-2", ReviewDecision.CONFIRMED, ReviewDecision.FALSE_ALARM, None)
    say("new-3", None)
    assert desk.names(review=ReviewStatus.CONFIRMED) == ["new-1"]
    assert desk.names(review=ReviewStatus.FALSE_ALARM) == ["new-2"]
    assert desk.names(review=ReviewStatus.ACKNOWLEDGED) == ["new-3"]
    assert desk.names(review=ReviewStatus.PENDING) == ["new-4", "old-1"]
    assert desk.names(review=ReviewStatus.PENDING, open=True, camera="door") == ["new-4"]
    found = [name for judged in ReviewStatus for name in desk.names(review=judged)]
    assert sorted(found) == sorted(ALL), "each is in exactly one"


def test_a_withdrawal_undoes_the_reviews_of_its_own_incident_alone(desk: Desk):
    def say(name: str, *decisions: ReviewDecision | None) -> None:
        for decision in decisions:
            desk.incidents.review(desk.number(name), "ada", decision, None, "")

    say("new-1", None)
    say("new-2", ReviewDecision.CONFIRMED)
    say("new-3", None, ReviewDecision.FALSE_ALARM, ReviewDecision.WITHDRAWN)
    say("new-4", ReviewDecision.CONFIRMED, ReviewDecision.WITHDRAWN, None)
    assert desk.names(review=ReviewStatus.PENDING) == ["new-3", "old-1"]
    assert desk.names(review=ReviewStatus.ACKNOWLEDGED) == ["new-4", "new-1"]
    assert desk.names(review=ReviewStatus.CONFIRMED) == ["new-2"]
    found = [name for status in ReviewStatus for name in desk.names(review=status)]
    assert sorted(found) == sorted(ALL), "each is in exactly one"
    for status in ReviewStatus:
        assert desk.incidents.count(Search(review=status, most=1)) == len(desk.names(review=status))
    assert desk.incidents.incident(desk.number("new-1")).acknowledged
    assert not desk.incidents.incident(desk.number("new-3")).acknowledged
    decisions = [review.decision for review in desk.incidents.detail(desk.number("new-3")).reviews]
    assert decisions == [None, ReviewDecision.FALSE_ALARM, ReviewDecision.WITHDRAWN]


def visit(track: int, first_s: float, last_s: float, states: Iterable[tuple[MaskState, float, float]]) -> VisitEnded:
    segments = tuple(Segment(*each) for each in states)
    return VisitEnded(
        "door", last_s, Visit("door", track, first_s, last_s, segments, Outcome.VIOLATION, None, 50, 80.0)
    )


def test_a_dossier_holds_all_that_is_known(desk: Desk):
    number = desk.number("new-1")
    before = desk.incidents.detail(number)
    assert (before.share, before.evidence_s, before.observations) == (0.875, 1.5, 12)
    assert before.box_px == (1.5, 2.5, 30.25, 40.125)
    assert (before.model, before.model_sha256, before.settings_sha256) == ("SSD", "a" * 64, "b" * 64)
    assert before.settings == SETTINGS
    assert before.segments == (), "the visit goes on"
    assert before.first_seen_at is None
    desk.journal.put(visit(1, 7.0, 16.0, [(WITHOUT, 7.0, 15.0), (MaskState.WITH_MASK, 15.0, 16.0)]))
    after = desk.incidents.detail(number)
    assert [(s.state, s.start_s, s.end_s) for s in after.segments] == [
        (WITHOUT, 0.0, 8.0),
        (MaskState.WITH_MASK, 8.0, 9.0),
    ]
    assert after.first_seen_at == to_utc(7)


def test_a_dossier_takes_the_visit_of_its_own_person_and_time(desk: Desk):
    """Numbers of people begin again after a camera was lost."""
    desk.journal.put(visit(1, 500.0, 520.0, [(WITHOUT, 500.0, 520.0)]))
    desk.journal.put(visit(1, 7.0, 16.0, [(WITHOUT, 7.0, 16.0)]))
    desk.journal.put(visit(2, 0.0, 600.0, [(WITHOUT, 0.0, 600.0)]))
    assert desk.incidents.detail(desk.number("new-1")).first_seen_at == to_utc(7)


def test_an_incident_without_an_hour_is_found_but_not_by_time(engine: Engine):
    """A replay does not know its hour."""
    Journal(engine, run(START)).put(opened("replayed", "door", 1.0))
    repository = IncidentRepository(engine, FakeClock(), START)
    (incident,) = repository.find(Search())
    assert (incident.since_at, incident.opened_at) == (None, None)
    assert repository.find(Search(since=datetime(1, 1, 1, tzinfo=UTC))) == []
    assert repository.detail(incident.number).first_seen_at is None


def test_the_ends_of_time_can_be_asked_for(desk: Desk):
    assert desk.names(since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)) == ALL


def test_an_incident_and_its_visit_belong_together_across_a_reload_and_keep_their_detector(engine: Engine):
    """Opened with one detector, closed and left with another."""
    first = RunInfo("live", START, "0.1.0", "old", "a" * 64, "b" * 64, owner="here:1:ab")
    current = CurrentRun(first)
    journal = Journal(engine, current, to_utc)
    journal.put(opened("a-1", "door", 10.0))
    current.info = replace(first, started_at=START + timedelta(seconds=20), model="new", model_sha256="c" * 64)
    journal.put(closed("a-1", "door", 30.0))
    segments = (Segment(MaskState.WITHOUT_MASK, 8.0, 30.0),)
    journal.put(VisitEnded("door", 31.0, Visit("door", 1, 8.0, 30.0, segments, Outcome.VIOLATION, None, 20, 40.0)))
    journal.put(opened("a-2", "door", 40.0, track=2))
    late = opened("a-3", "door", 41.0, track=3)
    journal.put(replace(late, settings={"detector": {"model": "old", "sha256": "a" * 64}}))
    repository = IncidentRepository(engine, FakeClock(), START)
    details = [repository.detail(repository.by_incident_id(name).number) for name in ("a-1", "a-2", "a-3")]
    assert [(each.model, each.model_sha256[0]) for each in details] == [("old", "a"), ("new", "c"), ("old", "a")]
    assert details[0].segments, "of its visit"
    assert details[0].incident.ended == "gone"
    journal.end()
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).where(RunRow.ended_at.is_(None))).scalar_one() == 0


def test_visits_of_a_killed_run_are_completed_once_and_those_of_others_left_alone(engine: Engine):
    """One person corrected the mask, one was still there; a run elsewhere goes on."""
    elsewhere = CurrentRun(RunInfo("live", START, "0", "SSD", "a" * 64, "b" * 64, owner="elsewhere:1:cd"))
    Journal(engine, elsewhere, to_utc).put(opened("there-1", "yard", 10.0))
    assert finish_visits(engine) == 0
    journal = Journal(engine, run(START + timedelta(seconds=1)), to_utc)
    journal.put(opened("a-1", "door", 10.0))
    journal.put(closed("a-1", "door", 15.0, CloseReason.CORRECTED))
    journal.put(opened("a-2", "door", 20.0, INCORRECT, track=2))
    journal.put(opened("a-3", "door", 30.0, track=3))
    segments = (Segment(MaskState.WITHOUT_MASK, 28.0, 40.0),)
    journal.put(VisitEnded("door", 41.0, Visit("door", 3, 28.0, 40.0, segments, Outcome.VIOLATION, None, 20, 40.0)))
    assert finish_visits(engine) == 2, "its process is this one: it has ended, since a new one begins"
    assert finish_visits(engine) == 0
    repository = StatisticsRepository(engine)
    visits = {each.first_seen_at: each for each in repository.visits(Span(START, to_utc(100), None), None, None, 10)}
    assert {at: each.outcome for at, each in visits.items()} == {
        to_utc(8): Outcome.CORRECTED,
        to_utc(18): Outcome.INCORRECT,
        to_utc(28): Outcome.VIOLATION,
    }
    assert visits[to_utc(8)].time_to_comply_s == 7.0
    assert (visits[to_utc(8)].duration_s, visits[to_utc(18)].duration_s) == (7.0, 2.0)
    incidents = IncidentRepository(engine, FakeClock(), START + timedelta(seconds=1))
    detail = incidents.detail(incidents.by_incident_id("a-2").number)
    assert detail.segments == (Segment(INCORRECT, 0.0, 2.0),)
    kill(engine, "there-1")
    assert finish_visits(engine) == 1

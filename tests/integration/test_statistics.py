"""Figures of people over time on real databases, held against the rules' own counting of the same visits."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor.domain.detection import MaskState
from monitor.domain.event import VisitEnded
from monitor.domain.review import ReviewDecision
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.rules.statistics import compliance, compliance_of
from monitor.storage.incidents import IncidentRepository, Search
from monitor.storage.journal import Journal
from monitor.storage.statistics import Span, StatisticsRepository
from tests.fakes import FakeClock
from tests.integration.test_incidents import opened, run, to_utc

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
LATER = START + timedelta(days=30)


def visit(camera: str, first_s: float, outcome: Outcome, time_to_comply_s: float | None = None) -> Visit:
    segments = (Segment(MaskState.WITHOUT_MASK, first_s, first_s + 5),)
    return Visit(camera, 1, first_s, first_s + 5, segments, outcome, time_to_comply_s, 40, 80.0)


def write(engine: Engine, visits: list[Visit]) -> StatisticsRepository:
    journal = Journal(engine, run(START), to_utc)
    for each in visits:
        journal.put(VisitEnded(each.source_id, each.last_seen_s, each))
    return StatisticsRepository(engine)


def span(first_s: float = 0.0, last_s: float = 1e6, cameras: frozenset[str] | None = None) -> Span:
    return Span(to_utc(first_s), to_utc(last_s), cameras)


def many(count: int = 120, seed: int = 1) -> list[Visit]:
    chance = random.Random(seed)
    return [
        visit(chance.choice(["door", "yard", "Tür"]), chance.uniform(0, 100_000), chance.choice(list(Outcome)))
        for _ in range(count)
    ]


def test_counts_agree_with_the_rules_on_the_same_visits(engine: Engine):
    visits = many()
    counts = write(engine, visits).quarters(span())
    outcomes: Counter[Outcome] = Counter()
    for count in counts:
        outcomes[count.outcome] += count.visits
    assert compliance_of(outcomes) == compliance(visits)
    for camera in ("door", "yard", "Tür"):
        own: Counter[Outcome] = Counter()
        for count in counts:
            if count.camera == camera:
                own[count.outcome] += count.visits
        assert compliance_of(own) == compliance(each for each in visits if each.source_id == camera)


def test_every_visit_is_in_the_quarter_in_which_it_began(engine: Engine):
    visits = many()
    expected: Counter[tuple[datetime, str, Outcome]] = Counter()
    for each in visits:
        at = to_utc(each.first_seen_s)
        quarter = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
        expected[quarter, each.source_id, each.outcome] += 1
    found = {(c.start, c.camera, c.outcome): c.visits for c in write(engine, visits).quarters(span())}
    assert found == expected


@pytest.mark.parametrize("second", [0.0, 899.999, 900.0, 3599.999999, 3600.0, 75_599.999, 75_600.0])
def test_the_edges_of_quarters_hours_and_days_are_where_they_are(engine: Engine, second: float):
    (count,) = write(engine, [visit("door", second, Outcome.COMPLIANT)]).quarters(span())
    assert count.start == START + timedelta(seconds=second // 900 * 900)


def test_a_span_takes_its_first_moment_and_not_its_last(engine: Engine):
    figures = write(engine, [visit("door", second, Outcome.COMPLIANT) for second in (10.0, 20.0, 30.0)])
    assert sum(count.visits for count in figures.quarters(span(10, 30))) == 2
    assert len(figures.visits(span(10, 30), None, None, 50)) == 2


def test_only_the_reader_s_cameras_are_counted(engine: Engine):
    figures = write(engine, [visit(camera, 10.0, Outcome.COMPLIANT, 2.0) for camera in ("door", "yard")])
    yard = span(cameras=frozenset({"yard"}))
    assert {count.camera for count in figures.quarters(yard)} == {"yard"}
    assert figures.comply_times(yard).people == 1
    assert [line.camera for line in figures.visits(yard, None, None, 50)] == ["yard"]
    nobody = span(cameras=frozenset())
    assert figures.quarters(nobody) == []
    assert figures.comply_times(nobody).people == 0
    assert figures.alarms(nobody) == []


def test_times_to_comply_have_their_median_and_their_ninth_tenth(engine: Engine):
    times = [float(second) for second in range(1, 12)]
    visits = [visit("door", 10.0 * time, Outcome.CORRECTED, time) for time in times]
    figures = write(engine, [*visits, visit("door", 5.0, Outcome.VIOLATION)])
    found = figures.comply_times(span())
    assert (found.people, found.median_s, found.p90_s) == (11, 6.0, 10.0)
    one = figures.comply_times(span(10, 11))
    assert (one.people, one.median_s, one.p90_s) == (1, 1.0, 1.0)
    none = figures.comply_times(span(200_000, 300_000))
    assert (none.people, none.median_s, none.p90_s) == (0, None, None)


def test_visits_are_listed_newest_first_page_by_page(engine: Engine):
    figures = write(engine, many(40))
    read: list[int] = []
    before = None
    while page := figures.visits(span(), None, before, 7):
        read += [line.number for line in page]
        before = read[-1]
    assert len(read) == 40
    assert read == sorted(set(read), reverse=True)
    unknown = figures.visits(span(), Outcome.UNKNOWN, None, 200)
    assert {line.outcome for line in unknown} == {Outcome.UNKNOWN}
    line = figures.visits(span(), None, None, 1)[0]
    assert line.duration_s == pytest.approx(5)
    assert line.last_seen_at - line.first_seen_at == timedelta(seconds=5)
    assert (line.observations, line.median_face_px) == (40, 80.0)


def test_visits_without_an_hour_are_in_no_figure(engine: Engine):
    journal = Journal(engine, run(START))
    journal.put(VisitEnded("door", 15.0, visit("door", 10.0, Outcome.CORRECTED, 2.0)))
    figures, ever = StatisticsRepository(engine), Span(datetime(1970, 1, 1, tzinfo=UTC), LATER, None)
    assert figures.quarters(ever) == []
    assert figures.visits(ever, None, None, 10) == []
    assert figures.comply_times(ever).people == 0


def test_alarms_are_counted_by_the_newest_opinion(engine: Engine):
    journal = Journal(engine, run(START), to_utc)
    for number in range(4):
        journal.put(opened(f"a-{number}", "door", 10.0 + number))
    journal.put(opened("b-1", "yard", 50.0))
    repository = IncidentRepository(engine, FakeClock(), START)
    numbers = {each.incident_id: each.number for each in repository.find(Search(most=200))}
    repository.review(numbers["a-0"], "ada", ReviewDecision.FALSE_ALARM, None, "")
    repository.review(numbers["a-0"], "ada", ReviewDecision.CONFIRMED, None, "")
    repository.review(numbers["a-1"], "ada", ReviewDecision.CONFIRMED, None, "")
    repository.review(numbers["a-1"], "ada", ReviewDecision.FALSE_ALARM, None, "")
    repository.review(numbers["a-2"], "ada", None, None, "")
    figures = StatisticsRepository(engine)
    door, yard = figures.alarms(span())
    assert (door.camera, door.incidents, door.confirmed, door.false_alarms) == ("door", 4, 1, 1)
    assert (yard.camera, yard.incidents, yard.confirmed, yard.false_alarms) == ("yard", 1, 0, 0)
    assert [each.camera for each in figures.alarms(span(40, 60))] == ["yard"]
    assert figures.incident_counts() == {("door", "without_mask"): 4, ("yard", "without_mask"): 1}

"""Figures of people over time on real databases, held against the rules' own counting of the same visits."""

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen

from monitor.domain.detection import MaskState
from monitor.domain.event import VisitEnded
from monitor.domain.review import ReviewDecision
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.rules.statistics import compliance, compliance_of
from monitor.storage.database import open_database, sqlite_url
from monitor.storage.incidents import IncidentRepository, Search
from monitor.storage.journal import Journal
from monitor.storage.statistics import SlowQueryError, Span, StatisticsRepository
from monitor.web.figures import By, Figures, figures
from monitor.web.schemas import ComplianceOut
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


#: A year that has every visit of `fill`.
EVER = Span(START, START + timedelta(days=365), None)


def fill(engine: Engine, count: int) -> StatisticsRepository:
    """Write visits at one camera, in regular intervals over most of the year `EVER`, into a SQLite journal."""
    Journal(engine, run(START), to_utc)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?) "
            "INSERT INTO visits (run_id, source_id, track_id, first_seen_s, last_seen_s, first_seen_at, last_seen_at, "
            "outcome, time_to_comply_s, hits, median_face_px, segments) SELECT 1, 'door', n, n, n + 5, "
            "strftime('%Y-%m-%d %H:%M:%f000', ?, '+' || (n * 31e6 / ?) || ' seconds'), NULL, "
            "CASE n % 10 WHEN 0 THEN 'violation' WHEN 1 THEN 'corrected' ELSE 'compliant' END, "
            "CASE n % 10 WHEN 1 THEN n % 17 END, 40, 80.0, '[]' FROM number",
            (count, f"{START:%Y-%m-%d %H:%M:%S}", count),
        )
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


def test_hours_are_the_sums_of_their_quarters(engine: Engine):
    statistics = write(engine, many(400))
    expected: Counter[tuple[datetime, str, Outcome]] = Counter()
    for count in statistics.quarters(span()):
        expected[count.start.replace(minute=0), count.camera, count.outcome] += count.visits
    hours = statistics.hours(span())
    assert {(c.start, c.camera, c.outcome): c.visits for c in hours} == expected
    assert len(hours) == len(expected) < len(statistics.quarters(span()))


@pytest.mark.parametrize("by", list(By))
@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("UTC", START),
        ("Europe/Madrid", datetime(2026, 10, 24, tzinfo=UTC)),  # the clocks go back on the 25th
        ("America/New_York", datetime(2026, 3, 7, tzinfo=UTC)),
        ("Asia/Kathmandu", START),  # 5:45 hours before UTC
        ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),  # from 11 to 10:30 hours
    ],
)
def test_buckets_of_every_time_zone_have_the_visits_that_began_in_them(
    engine: Engine, name: str, since: datetime, by: By
):
    visits, zone, shift = many(300), ZoneInfo(name), since - START
    journal = Journal(engine, run(START), lambda time_s: to_utc(time_s) + shift)
    for each in visits:
        journal.put(VisitEnded(each.source_id, each.last_seen_s, each))
    expected: dict[datetime, list[Visit]] = {}
    for each in visits:
        at = (to_utc(each.first_seen_s) + shift).astimezone(zone)
        at = at.replace(minute=0, second=0, microsecond=0)
        start = at if by is By.HOUR else at.replace(hour=0, fold=0)
        expected.setdefault(start.astimezone(UTC), []).append(each)
    found = figures(StatisticsRepository(engine), Span(since, since + timedelta(days=2), None), by, zone)
    assert [bucket.start_at.astimezone(UTC) for bucket in found.over_time] == sorted(expected)
    for bucket in found.over_time:
        own = expected[bucket.start_at.astimezone(UTC)]
        assert bucket.compliance == ComplianceOut.of(compliance(own))
    assert found.total == ComplianceOut.of(compliance(visits))


@pytest.mark.parametrize("year", [1, 9999])
def test_the_first_and_the_last_days_have_figures(engine: Engine, year: int):
    since = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 30, tzinfo=UTC)
    for name in ("America/New_York", "Asia/Tokyo"):
        found = figures(write(engine, []), Span(since, since + timedelta(days=1), None), By.DAY, ZoneInfo(name))
        assert found.total.visits == 0


def test_figures_that_are_kept_are_those_of_the_journal_as_it_is(engine: Engine):
    statistics, kept, period = write(engine, many(20)), Figures(), span()
    first = kept.as_json(statistics, period, By.HOUR, ZoneInfo("UTC"))
    assert kept.as_json(statistics, period, By.HOUR, ZoneInfo("UTC")) is first
    journal = Journal(engine, run(START), to_utc)
    journal.put(VisitEnded("door", 20.0, visit("door", 15.0, Outcome.COMPLIANT)))
    with_visit = kept.as_json(statistics, period, By.HOUR, ZoneInfo("UTC"))
    assert json.loads(with_visit)["total"]["visits"] == 21
    journal.put(opened("a-1", "door", 10.0))
    assert json.loads(kept.as_json(statistics, period, By.HOUR, ZoneInfo("UTC")))["reviews"][0]["incidents"] == 1
    repository = IncidentRepository(engine, FakeClock(), START)
    repository.review(repository.find(Search())[0].number, "ada", ReviewDecision.CONFIRMED, None, "")
    assert json.loads(kept.as_json(statistics, period, By.HOUR, ZoneInfo("UTC")))["reviews"][0]["confirmed"] == 1


def test_a_query_that_takes_too_long_is_abandoned(tmp_path: Path):
    """PostgreSQL itself ends its statements."""
    engine = open_database(sqlite_url(tmp_path / "journal.db"))
    hurried = replace(fill(engine, 30_000), query_s=0.0)
    with pytest.raises(SlowQueryError, match="longer than 0 s"):
        hurried.quarters(EVER)
    assert sum(count.visits for count in StatisticsRepository(engine).quarters(EVER)) == 30_000
    engine.dispose()


def test_figures_of_visits_are_read_from_one_index(tmp_path: Path):
    engine = open_database(sqlite_url(tmp_path / "journal.db"))
    statistics = fill(engine, 2_000)
    statements: list[tuple[str, object]] = []
    listen(engine, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
    for cameras in (None, frozenset({"door"})):
        month = Span(EVER.since, EVER.since + timedelta(days=30), cameras)
        statistics.hours(month)
        statistics.quarters(month)
        statistics.comply_times(month)
    asked = list(statements)
    with engine.connect() as connection:
        for statement, values in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            index = "COVERING INDEX ix_visits_first_seen_at" if "FROM visits" in statement else "ix_visit_counts_start"
            assert index in str(plan), (statement, plan)
    assert sum("FROM visits" in statement for statement, _ in asked) == 6
    engine.dispose()


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

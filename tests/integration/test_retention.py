"""What is removed stays counted, its files are gone, and the chain says so."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from monitor.config.retention import RetentionSettings
from monitor.domain.errors import KeptError
from monitor.domain.event import VisitEnded
from monitor.domain.review import ReviewDecision
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.evidence.retention import Retention, Step
from monitor.evidence.verifying import verify_journal
from monitor.storage.disk import Disk
from monitor.storage.keeping import KeptRepository
from monitor.storage.removing import Removal, Remover
from monitor.storage.statistics import Span, StatisticsRepository
from tests.fakes import WITHOUT
from tests.integration.evidence import START, Case, case_in

DAY_S = 86_400.0
ALL = Span(START - timedelta(days=1), START + timedelta(days=300), None)


@pytest.fixture
def case(engine: Engine, tmp_path: Path) -> Case:
    return case_in(engine, tmp_path)


def retention(case: Case, free: float = 0.5, **settings: Any) -> Retention:
    chosen = RetentionSettings.model_validate(settings)
    return Retention(lambda: chosen, lambda: case.engine, case.live, case.clock, lambda _: Disk(free * 1000, 1 - free))


def at_day(case: Case, day: float) -> None:
    case.clock.utc = START + timedelta(days=day)


def visit(number: int, time_s: float, comply_s: float | None = None) -> VisitEnded:
    outcome = Outcome.VIOLATION if comply_s is None else Outcome.CORRECTED
    seen = Visit("door", number, time_s - 2, time_s + 9, (Segment(WITHOUT, time_s - 2, time_s + 9),), outcome, comply_s,
                 9, 80.0)  # fmt: skip
    return VisitEnded("door", time_s + 9, seen)


def figures(case: Case) -> tuple[Any, ...]:
    statistics = StatisticsRepository(case.engine)
    counts = statistics.quarters(ALL), statistics.hours(ALL), statistics.comply_times(ALL)
    return *counts, statistics.alarms(ALL), statistics.incident_counts()


def a_quarter_of_a_year(case: Case) -> list[int]:
    """Record an incident and a visit every ten days, some of them reviewed."""
    numbers = []
    for index in range(1, 10):
        time_s = 10 * index * DAY_S
        numbers.append(case.open(index, time_s=time_s))
        case.close(index, time_s=time_s + 4)
        case.journal.put(visit(index, time_s, comply_s=float(index) if index % 2 else None))
        if index % 3:
            case.review(numbers[-1], ReviewDecision.FALSE_ALARM if index % 3 == 1 else ReviewDecision.CONFIRMED)
    return numbers


def test_old_pictures_then_old_rows_go_and_figures_stay_true(case: Case) -> None:
    numbers = a_quarter_of_a_year(case)
    before = figures(case)
    at_day(case, 105)
    keeper = retention(case, pictures={"confirmed_days": 30})
    keeper.remove_old(threading.Event())
    assert figures(case) == before
    left = {path.stem[-1] for path in case.live.glob("incidents/*/*.jpg")}
    assert left == {"8"}, "a confirmed one is kept for 30 days, here of the 80th"
    assert [bool(case.incidents.incident(number)) for number in numbers] == [False] + [True] * 8
    found = verify_journal(case.engine, case.live, case.key)
    assert (found.incidents, found.removed, found.files) == (8, 1, 1)
    at_day(case, 300)
    keeper.remove_old(threading.Event())
    assert figures(case) == before, "also when all of them are counts"
    assert not list(case.live.glob("incidents/*/*.jpg"))
    assert verify_journal(case.engine, case.live, case.key).removed == 9
    with case.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM visits")).scalar() == 0
        assert connection.execute(text("SELECT count(*) FROM chain WHERE payload IS NULL")).scalar() == 9 * 2 + 6


def test_a_number_is_never_used_again(case: Case) -> None:
    number = case.open(1)
    Remover(case.engine, case.live, case.clock).erase_incident(number, Removal("erased", "ada", "asked"))
    assert case.open(2) > number


def test_what_somebody_keeps_outlives_age_and_pressure_until_its_end(case: Case) -> None:
    number = case.open(1)
    case.close(1)
    case.review(number)
    kept = KeptRepository(case.engine, case.clock)
    kept.keep(number, "ada", "the police asked for it", START + timedelta(days=200))
    remover, removal = Remover(case.engine, case.live, case.clock), Removal("erased", "otto", "")
    for day in (20, 150):
        at_day(case, day)
        for free in (0.5, 0.01):
            keeper = retention(case, free=free, pictures={"max_mb": 0.000001})
            keeper.remove_old(threading.Event())
            keeper.make_room(threading.Event())
        with pytest.raises(KeptError, match="ada keeps incident 1 until 2026-07-21: the police asked for it"):
            remover.erase_incident(number, removal)
        assert case.picture(1).exists()
    at_day(case, 201)
    retention(case).remove_old(threading.Event())
    assert not case.picture(1).exists()
    assert case.incidents.incident(number) is None
    verify_journal(case.engine, case.live, case.key)


def test_erasing_a_visit_takes_its_incidents_and_leaves_its_count(case: Case) -> None:
    a_quarter_of_a_year(case)
    before = figures(case)
    remover = Remover(case.engine, case.live, case.clock)
    assert remover.erase_visit(4, Removal("erased", "ada", "a request of the person"))
    assert not remover.erase_visit(4, Removal("erased", "ada", "again"))
    assert figures(case) == before
    assert not case.picture(4, time_s=40 * DAY_S).exists()
    assert verify_journal(case.engine, case.live, case.key).removed == 1
    with case.engine.connect() as connection:
        payloads = " ".join(connection.execute(text("SELECT payload FROM chain WHERE payload IS NOT NULL")).scalars())
    assert "door-000004" not in payloads, "nothing of the incident is left in the chain"
    assert '"reason":"a request of the person"' in payloads


def test_a_removal_that_was_interrupted_is_finished(case: Case) -> None:
    number = case.open(1)
    folder = case.picture(1).parent
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    folder.write_text("no folder")
    remover = Remover(case.engine, case.live, case.clock)
    with pytest.raises(Exception, match="cannot be written"):
        remover.erase_incident(number, Removal("erased", "ada", ""))
    folder.unlink()
    elsewhere.rename(folder)
    verify_journal(case.engine, case.live, case.key)
    remover.finish()
    assert not case.picture(1).exists()
    verify_journal(case.engine, case.live, case.key)


def test_sizes_are_limited_in_all_and_by_camera(case: Case) -> None:
    for number in range(1, 7):
        incident = case.open(number, "door" if number % 2 else "hall")
        if number == 5:
            case.review(incident)
    size = case.picture(1).stat().st_size / 2**20
    keeper = retention(case, pictures={"max_mb_per_camera": 2.5 * size, "max_mb": 3.5 * size})
    keeper.remove_old(threading.Event())
    left = sorted(path.stem for path in case.live.glob("incidents/*/*.jpg"))
    assert left == ["door-000003", "hall-000004", "hall-000006"], "a false alarm goes first, then the oldest"
    verify_journal(case.engine, case.live, case.key)


def test_a_disk_that_fills_up_loses_false_alarms_first_and_then_gets_no_more_pictures(case: Case) -> None:
    decisions = {1: None, 2: ReviewDecision.CONFIRMED, 3: ReviewDecision.FALSE_ALARM, 4: ReviewDecision.CONFIRMED}
    for number, decision in decisions.items():
        incident = case.open(number)
        if decision is not None:
            case.review(incident, decision)
    free = 0.2

    def disk(_: Path) -> Disk:
        return Disk(free * 1000, 1 - free)

    keeper = Retention(RetentionSettings, lambda: case.engine, case.live, case.clock, disk)
    steps = []
    for free in (0.2, 0.08, 0.04, 0.055, 0.2):  # noqa: B007 - read by `disk`
        keeper.make_room(threading.Event())
        steps.append((keeper.status.step, keeper.keeps_pictures))
    assert steps == [
        (Step.NONE, True),
        (Step.NO_NEW_CLIPS, True),
        (Step.NO_NEW_PICTURES, False),
        (Step.NO_NEW_PICTURES, False),
        (Step.NONE, True),
    ]
    assert [case.picture(number).exists() for number in decisions] == [True, False, False, False]
    verify_journal(case.engine, case.live, case.key)


def test_deleting_stops_as_soon_as_there_is_room(case: Case) -> None:
    for number in range(1, 4):
        case.review(case.open(number))
    looks = iter([0.05] * 4)
    keeper = Retention(
        lambda: RetentionSettings(very_low_disk_percent=1),
        lambda: case.engine,
        case.live,
        case.clock,
        lambda _: Disk(1, 1 - next(looks, 0.5)),
    )
    keeper.make_room(threading.Event())
    assert keeper.keeps_pictures
    assert not any(case.picture(number).exists() for number in range(1, 4)), "of a batch, all"


def test_pictures_of_earlier_versions_go_with_their_day(case: Case) -> None:
    old = case.live / "incidents" / "2025-11-01" / "door-9.jpg"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    new = old.parent.parent / "2026-01-01" / "door-9.jpg"
    new.parent.mkdir()
    new.write_bytes(b"new")
    retention(case).remove_old(threading.Event())
    assert not old.parent.exists()
    assert new.exists()


def test_how_long_the_disk_lasts(case: Case) -> None:
    case.open(1)
    size = case.picture(1).stat().st_size
    at_day(case, 1)

    def status(free_bytes: float) -> Any:
        disk = Disk(free_bytes / 2**20, 0.5)
        keeper = Retention(RetentionSettings, lambda: case.engine, case.live, case.clock, lambda _: disk)
        keeper.make_room(threading.Event())
        return keeper.status

    assert (status(20 * size).days_left, status(20 * size).bytes_per_day) == (None, pytest.approx(size, rel=1e-3))
    assert status(6 * size).days_left == pytest.approx(6, rel=1e-3)


def test_old_lines_of_the_audit_log_go(case: Case) -> None:
    with case.engine.begin() as connection:
        for number, at in enumerate((START, START + timedelta(days=300))):
            values = {"id": number + 1, "at": at.replace(tzinfo=None) if case.engine.name == "sqlite" else at}
            connection.execute(text("INSERT INTO audit VALUES (:id, :at, 'ada', 'login', '', '')"), values)
    at_day(case, 400)
    retention(case).remove_old(threading.Event())
    with case.engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM audit")).scalars().all() == [2]

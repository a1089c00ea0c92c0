from itertools import pairwise
from pathlib import Path

import pytest

from monitor.domain.event import (
    CloseReason,
    EndReason,
    EventRecord,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    VisitEnded,
)
from monitor.domain.geometry import Box
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.pipeline.pace import Pace
from monitor.replay.recorder import SinkRecorder
from monitor.replay.results import History, people_by_minute
from tests.fakes import UNKNOWN, WITH, WITHOUT, FakeSink, flat

OPENED = IncidentOpened("door-000001", "door", 3, WITHOUT, 2.0, 1.0, 0.9, Box(0, 0, 9, 9), 1.0, 2.0, 9)
CLOSED = IncidentClosed("door-000001", "door", 3, 5.0, 3.0, CloseReason.GONE)
ENDED = SourceEnded("door", 9.0, EndReason.FINISHED, 9)


def visit(*segments):
    parts = tuple(Segment(*segment) for segment in segments)
    return Visit("door", 1, parts[0].start_s, parts[-1].end_s, parts, Outcome.COMPLIANT, None, 5, 40.0)


def counts(minutes, state):
    return [minute[state] for minute in minutes]


# --- people by minute -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("media_s", "count"), [(0.0, 1), (0.5, 1), (59.9, 1), (60.1, 2), (119, 2), (3599, 60)])
def test_there_is_a_count_for_every_minute(media_s, count):
    minutes = people_by_minute([], media_s)
    assert len(minutes) == count
    assert all(set(minute.values()) == {0} for minute in minutes)


def test_a_person_counts_in_every_minute_they_spent_some_of():
    minutes = people_by_minute([visit((WITH, 50.0, 130.0))], 200.0)
    assert counts(minutes, WITH) == [1, 1, 1, 0]


def test_a_person_counts_once_for_each_state_of_a_minute():
    minutes = people_by_minute([visit((WITH, 1.0, 5.0), (WITHOUT, 5.0, 9.0), (WITH, 9.0, 70.0))], 100.0)
    assert counts(minutes, WITH) == [1, 1]
    assert counts(minutes, WITHOUT) == [1, 0]
    assert counts(minutes, UNKNOWN) == [0, 0]


def test_people_add_up():
    minutes = people_by_minute([visit((WITH, 1.0, 5.0)), visit((WITH, 2.0, 7.0)), visit((WITHOUT, 2.0, 65.0))], 100.0)
    assert counts(minutes, WITH) == [2, 0]
    assert counts(minutes, WITHOUT) == [1, 1]


def test_a_stay_that_ends_with_the_minute_is_not_in_the_next():
    assert counts(people_by_minute([visit((WITH, 30.0, 60.0))], 100.0), WITH) == [1, 0]


def test_a_stay_that_starts_with_the_minute_is_not_in_the_one_before():
    assert counts(people_by_minute([visit((WITH, 60.0, 80.0))], 100.0), WITH) == [0, 1]


@pytest.mark.parametrize("moment_s", [0.0, 30.0, 60.0, 119.96, 120.0])
def test_a_single_look_counts_in_exactly_one_minute(moment_s):
    assert sum(counts(people_by_minute([visit((UNKNOWN, moment_s, moment_s))], 120.0), UNKNOWN)) == 1


# --- the history and the sinks ----------------------------------------------------------------------------------------


def test_the_story_keeps_incidents_with_their_pictures_and_visits_in_order():
    history, one = History(), visit((WITH, 1.0, 5.0))
    history.add(OPENED, b"jpeg")
    assert history.incidents["door-000001"].closed is None
    for event in (CLOSED, VisitEnded("door", 6.0, one), ENDED):
        history.add(event, None)
    incident = history.incidents["door-000001"]
    assert (incident.opened, incident.closed, incident.jpeg) == (OPENED, CLOSED, b"jpeg")
    assert history.visits == [one]


def test_every_sink_gets_every_event_in_order(tmp_path: Path):
    sinks, history = [FakeSink(), FakeSink()], History()
    recorder = SinkRecorder(sinks, history, tmp_path, "run-1")
    for event in (OPENED, CLOSED, ENDED):
        recorder.put(EventRecord(event))
    recorder.close()
    assert all(sink.events == [OPENED, CLOSED, ENDED] for sink in sinks)
    assert all(sink.closed == 1 for sink in sinks)


def test_the_picture_of_an_incident_becomes_a_jpeg(tmp_path: Path):
    history = History()
    SinkRecorder([], history, tmp_path, "run-1").put(EventRecord(OPENED, flat(20, 30)))
    incident = history.incidents["door-000001"]
    assert incident.jpeg is not None
    assert incident.jpeg[:2] == b"\xff\xd8"
    (file,) = incident.opened.files
    assert (tmp_path / file.name).read_bytes() == incident.jpeg
    assert (file.name, file.bytes) == ("run-1/door-000001.jpg", len(incident.jpeg))


def test_a_sink_that_fails_is_heard_of(tmp_path: Path):
    recorder = SinkRecorder([FakeSink(put_error=OSError("full"))], History(), tmp_path, "run-1")
    with pytest.raises(OSError, match="full"):
        recorder.put(EventRecord(OPENED))


def test_every_sink_is_closed_the_last_one_first_and_the_first_failure_is_raised(tmp_path: Path):
    sinks = [FakeSink(), FakeSink(close_error=OSError("one")), FakeSink(close_error=OSError("two")), FakeSink()]
    with pytest.raises(OSError, match="two"):
        SinkRecorder(sinks, History(), tmp_path, "run-1").close()
    assert [sink.closed for sink in sinks] == [1, 1, 1, 1]


# --- which frames are looked at -------------------------------------------------------------------------------------


def looks(times, per_s):
    pace = Pace(per_s)
    return [time_s for time_s in times if pace.due(time_s)]


@pytest.mark.parametrize("fps", [10, 24, 25, 29.97, 30, 50, 60])
@pytest.mark.parametrize("per_s", [0.5, 1, 2, 5, 8, 10, 12, 15, 20, 24, 25])
def test_the_rate_holds_on_average(fps, per_s):
    seen = looks([number / fps for number in range(int(60 * fps))], per_s)
    assert len(seen) / 60 == pytest.approx(min(fps, per_s), rel=0.02, abs=0.02)


def test_looks_are_evenly_spread():
    times = looks([number / 30 for number in range(600)], 8)
    steps = [b - a for a, b in pairwise(times)]
    assert max(steps) <= 1 / 8 + 1 / 30 + 1e-9
    assert min(steps) >= 1 / 8 - 1 / 30 - 1e-9


def test_without_a_rate_every_frame_is_looked_at():
    times = [number / 25 for number in range(100)]
    assert looks(times, None) == times


@pytest.mark.parametrize("start_s", [0.0, 0.3, 1e5])
def test_the_first_frame_is_looked_at_wherever_the_clock_starts(start_s):
    times = [start_s + number / 25 for number in range(250)]
    seen = looks(times, 5)
    assert seen[0] == start_s
    assert 49 <= len(seen) <= 52


def test_after_a_gap_nothing_is_made_up_for():
    times = [number / 25 for number in range(100)] + [60 + number / 25 for number in range(100)]
    after = [time_s for time_s in looks(times, 5) if time_s >= 60]
    assert after[0] == 60
    assert 19 <= len(after) <= 22


def test_a_variable_frame_rate_keeps_the_rate():
    times, now = [], 0.0
    while now < 60:
        times.append(now)
        now += 1 / 60 if int(now) % 2 else 1 / 20
    assert len(looks(times, 10)) / 60 == pytest.approx(10, rel=0.03)

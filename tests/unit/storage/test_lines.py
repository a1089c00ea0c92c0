import csv
import json
import shutil
from dataclasses import replace

import pytest

from monitor.domain.errors import OutputError
from monitor.domain.event import (
    CloseReason,
    EndReason,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
    VisitEnded,
)
from monitor.domain.geometry import Box
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.storage.lines import (
    EventLines,
    ViolationLines,
    ViolationLog,
    VisitTable,
    clock,
    event_values,
    visit_values,
)
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT

OPENED = SourceOpened("door", 0.0, width_px=1280, height_px=720)
ENDED = SourceEnded("door", 33.96, EndReason.FINISHED, 850)
INCIDENT = IncidentOpened(
    "door-000001", "door", 3, WITHOUT, 2.3456789, 1.00049, 0.87654, Box(1.26, 2.0, 33.333, 44.449), 0.98765, 1.23456, 30
)
CLOSED = IncidentClosed("door-000001", "door", 3, 9.8764, 7.53071, CloseReason.CORRECTED)
VISIT = Visit(
    "door",
    3,
    1.0,
    12.0,
    (Segment(UNKNOWN, 1.0, 1.5), Segment(WITHOUT, 1.5, 5.0), Segment(INCORRECT, 5.0, 6.0), Segment(WITH, 6.0, 12.0)),
    Outcome.CORRECTED,
    4.50049,
    275,
    61.26,
)
VISIT_ENDED = VisitEnded("door", 13.04, VISIT)
EVENTS = (OPENED, INCIDENT, CLOSED, VISIT_ENDED, ENDED)


def write(path, sink, events=EVENTS):
    for event in events:
        sink.put(event)
    sink.close()
    return path.read_bytes().decode("utf-8")


# --- events.jsonl ---------------------------------------------------------------------------------------------------


def test_events_as_json_lines(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = write(path, EventLines(path)).split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [
        {"event": "source_opened", "source": "door", "time_s": 0.0, "width_px": 1280, "height_px": 720},
        {
            "event": "incident_opened", "source": "door", "time_s": 2.346, "incident": "door-000001", "track": 3,
            "state": "without_mask", "since_s": 1.0, "confidence": 0.877, "box_px": [1.3, 2.0, 33.3, 44.4],
            "share": 0.988, "evidence_s": 1.235, "observations": 30,
        },
        {
            "event": "incident_closed", "source": "door", "time_s": 9.876, "incident": "door-000001", "track": 3,
            "duration_s": 7.531, "reason": "corrected",
        },
        {
            "event": "visit_ended", "source": "door", "time_s": 13.04, "track": 3, "first_seen_s": 1.0,
            "last_seen_s": 12.0, "duration_s": 11.0, "outcome": "corrected", "time_to_comply_s": 4.5,
            "with_mask_s": 6.0, "without_mask_s": 3.5, "incorrect_s": 1.0, "unknown_s": 0.5, "observations": 275,
            "median_face_px": 61.3,
            "segments": [
                ["unknown", 1.0, 1.5], ["without_mask", 1.5, 5.0], ["incorrect", 5.0, 6.0], ["with_mask", 6.0, 12.0],
            ],
        },
        {"event": "source_ended", "source": "door", "time_s": 33.96, "reason": "finished", "frames": 850},
    ]  # fmt: skip


def test_a_line_is_there_as_soon_as_it_was_put(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = EventLines(path)
    for count, event in enumerate(EVENTS, 1):
        lines.put(event)
        assert path.read_text().count("\n") == count
    lines.close()


def test_the_same_events_give_the_same_bytes(tmp_path):
    first, second = (write(tmp_path / name, EventLines(tmp_path / name)) for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("name", ["会议室", "a\nb", 'say "hi"', "\u2028", "\\", "a\x00b", "😷"])
def test_any_name_is_one_line_of_json(tmp_path, name):
    path = tmp_path / "events.jsonl"
    text = write(path, EventLines(path), [SourceOpened(name, 0.0, 1, 1)])
    assert text.count("\n") == 1
    assert json.loads(text)["source"] == name


def test_names_are_readable_as_they_are(tmp_path):
    path = tmp_path / "events.jsonl"
    assert "会议室" in write(path, EventLines(path), [SourceOpened("会议室", 0.0, 1, 1)])


def test_every_value_is_one_of_jsons_own():
    for event in EVENTS:
        assert json.loads(json.dumps(event_values(event), allow_nan=False)) == event_values(event)


def test_every_reason_and_outcome_has_a_word():
    for reason in CloseReason:
        assert event_values(IncidentClosed("i", "d", 1, 0, 0, reason))["reason"] == reason.value
    for end in EndReason:
        assert event_values(SourceEnded("d", 0, end, 1))["reason"] == end.value


def test_a_new_run_starts_a_new_file(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("old\n")
    assert "old" not in write(path, EventLines(path))


@pytest.mark.parametrize("sink", [EventLines, VisitTable, lambda path: ViolationLog(path, 1000, 1)])
def test_a_file_that_cannot_be_written_is_named(tmp_path, sink):
    with pytest.raises(OutputError, match="no-such-folder"):
        sink(tmp_path / "no-such-folder" / "file")
    with pytest.raises(OutputError):
        sink(tmp_path)


# --- visits.csv -----------------------------------------------------------------------------------------------------


def test_visits_as_a_table(tmp_path):
    path = tmp_path / "visits.csv"
    text = write(path, VisitTable(path))
    rows = list(csv.DictReader(text.splitlines()))
    assert rows == [
        {
            "source": "door", "track": "3", "first_seen_s": "1.0", "last_seen_s": "12.0", "duration_s": "11.0",
            "outcome": "corrected", "time_to_comply_s": "4.5", "with_mask_s": "6.0", "without_mask_s": "3.5",
            "incorrect_s": "1.0", "unknown_s": "0.5", "observations": "275", "median_face_px": "61.3",
        }
    ]  # fmt: skip
    assert "\r" not in text


def test_a_table_without_visits_has_its_header(tmp_path):
    path = tmp_path / "visits.csv"
    assert write(path, VisitTable(path), [OPENED, ENDED]) == ",".join(VisitTable.HEADER) + "\n"


def test_the_header_names_what_stands_in_the_columns():
    assert tuple(visit_values(VISIT)) == VisitTable.HEADER


def test_no_time_to_comply_is_an_empty_cell(tmp_path):
    path = tmp_path / "visits.csv"
    visit = Visit("door", 1, 0.0, 1.0, (), Outcome.UNKNOWN, None, 3, 20.0)
    (row,) = csv.DictReader(write(path, VisitTable(path), [VisitEnded("door", 1, visit)]).splitlines())
    assert row["time_to_comply_s"] == ""


def test_names_with_commas_and_quotes_stay_one_cell(tmp_path):
    path = tmp_path / "visits.csv"
    name = 'a, "b"'
    visit = Visit(name, 1, 0.0, 1.0, (), Outcome.UNKNOWN, None, 3, 20.0)
    (row,) = csv.DictReader(write(path, VisitTable(path), [VisitEnded(name, 1, visit)]).splitlines())
    assert row["source"] == name


def test_a_visits_seconds_in_each_state_add_up():
    values = visit_values(VISIT)
    assert sum(values[f"{state}_s"] for state in ("with_mask", "without_mask", "incorrect", "unknown")) == 11.0


def test_the_name_of_a_recording_is_no_formula(tmp_path):
    path = tmp_path / "visits.csv"
    name = '=HYPERLINK("http://192.0.2.1","x")'
    text = write(path, VisitTable(path), [VisitEnded(name, 13.04, replace(VISIT, source_id=name))])
    (row,) = csv.DictReader(text.splitlines())
    assert row["source"] == f"'{name}"
    assert row["time_to_comply_s"] == "4.5"


# --- violations.log -------------------------------------------------------------------------------------------------


def test_a_log_that_a_person_can_read(tmp_path):
    path = tmp_path / "violations.log"
    assert write(path, ViolationLog(path, 10_000, 2)).splitlines() == [
        "0:00:02.3  door  door-000001  OPENED  person 3: without_mask (88%)",
        "0:00:09.9  door  door-000001  CLOSED  person 3: corrected after 7.5 s",
    ]


def test_a_second_run_goes_on_where_the_first_ended(tmp_path):
    path = tmp_path / "violations.log"
    write(path, ViolationLog(path, 10_000, 2))
    assert len(write(path, ViolationLog(path, 10_000, 2)).splitlines()) == 4


def test_a_replay_s_log_is_written_anew(tmp_path):
    path, live = tmp_path / "violations.log", tmp_path / "live.log"
    write(path, ViolationLines(path))
    assert write(path, ViolationLines(path)) == write(live, ViolationLog(live, 10_000, 2))


def test_percent_signs_in_names_are_no_formats(tmp_path):
    path = tmp_path / "violations.log"
    incident = IncidentOpened("50%s-000001", "50%s", 1, WITHOUT, 0, 0, 0.5, Box(0, 0, 1, 1), 1.0, 2.0, 9)
    assert "  50%s  50%s-000001  " in write(path, ViolationLog(path, 1000, 1), [incident])


def test_the_log_rotates_and_loses_nothing_that_is_kept(tmp_path):
    path = tmp_path / "violations.log"
    log = ViolationLog(path, max_bytes=500, backups=3)
    for number in range(40):
        log.put(
            IncidentOpened(f"door-{number:06d}", "door", number, WITHOUT, number, 0, 0.5, Box(0, 0, 1, 1), 1.0, 2.0, 9)
        )
    log.close()
    files = [tmp_path / "violations.log.3", tmp_path / "violations.log.2", tmp_path / "violations.log.1", path]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 500 for file in files)
    numbers = [int(line.split("person ")[1].split(":")[0]) for file in files for line in file.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 40))
    assert len(numbers) > 20


def test_a_log_that_cannot_be_written_says_so(tmp_path):
    path = tmp_path / "logs" / "violations.log"
    path.parent.mkdir()
    log = ViolationLog(path, max_bytes=60, backups=1)
    log.put(INCIDENT)
    shutil.rmtree(path.parent)
    with pytest.raises(OutputError, match=r"violations\.log"):
        log.put(INCIDENT)
    log.close()


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (0, "0:00:00.0"),
        (0.04, "0:00:00.0"),
        (0.06, "0:00:00.1"),
        (59.94, "0:00:59.9"),
        (59.96, "0:01:00.0"),
        (3599.99, "1:00:00.0"),
        (3661.5, "1:01:01.5"),
        (360000, "100:00:00.0"),
    ],
)
def test_media_positions(time_s, text):
    assert clock(time_s) == text

import re
from itertools import pairwise

import numpy as np
import pytest

from monitor.domain.errors import OutputError
from monitor.domain.event import CloseReason, EndReason, IncidentClosed, IncidentOpened, VisitEnded
from monitor.domain.frame import SourceInfo
from monitor.domain.geometry import Box
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.outputs.style import STYLES
from monitor.replay.report import Provenance, _ticks, timeline, write_report
from monitor.replay.results import History, Summary
from tests.fakes import UNKNOWN, WITH, WITHOUT


def visit(track_id, start_s, end_s, *states, outcome=Outcome.COMPLIANT, comply_s=None, source="door"):
    states = states or (WITH,)
    edges = np.linspace(start_s, end_s, len(states) + 1)
    segments = tuple(Segment(s, float(a), float(b)) for s, (a, b) in zip(states, pairwise(edges), strict=True))
    return Visit(source, track_id, start_s, end_s, segments, outcome, comply_s, 10, 50.0)


def history_of(visits=(), incidents=()):
    history = History()
    for one in visits:
        history.add(VisitEnded("door", one.last_seen_s, one), None)
    for number, reason in incidents:
        incident_id = f"door-{number:06d}"
        history.add(
            IncidentOpened(incident_id, "door", number, WITHOUT, 2.0, 1.0, 0.87, Box(0, 0, 9, 9), 1.0, 2.0, 9),
            b"\xff\xd8jpeg",
        )
        if reason is not None:
            history.add(IncidentClosed(incident_id, "door", number, 5.0, 3.0, reason), None)
    return history


def summary_of(media_s=34.0, end_reason=EndReason.FINISHED, error=None, fps=25.0):
    return Summary(SourceInfo(1280, 720, fps, 850, None, live=False), 850, 850, media_s, 9.0, end_reason, error)


def provenance(**values):
    words = {
        "source": "entrance.mp4", "source_sha256": "5" * 64, "model": "a model", "model_file": "model.tflite",
        "model_sha256": "6" * 64, "backend": "litert on cpu", "settings_yaml": "rules: {}\n",
        "settings_sha256": "7" * 64, "version": "0.1.0",
    }  # fmt: skip
    return Provenance(**words | values)


@pytest.fixture
def report(tmp_path):
    def write(history=None, summary=None, **words):
        path = tmp_path / "report.html"
        write_report(path, history or History(), summary or summary_of(), provenance(**words))
        assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
        return path.read_text("utf-8")

    return write


# --- the timeline ---------------------------------------------------------------------------------------------------


def rows(visits, media_s=100.0):
    return [[name for _, name in lane.names] for lane in timeline(visits, media_s)]


def test_visits_one_after_the_other_share_a_row():
    assert rows([visit(1, 0, 10), visit(2, 20, 30), visit(3, 40, 50)]) == [["1", "2", "3"]]


def test_visits_that_overlap_stand_in_rows_of_their_own():
    assert rows([visit(1, 0, 50), visit(2, 10, 60), visit(3, 20, 70)]) == [["1"], ["2"], ["3"]]


def test_a_row_that_is_free_again_is_used_again():
    assert rows([visit(1, 0, 50), visit(2, 10, 20), visit(3, 30, 45), visit(4, 60, 70)]) == [["1", "4"], ["2", "3"]]


def test_visits_that_nearly_touch_do_not_share_a_row():
    assert rows([visit(1, 0, 10), visit(2, 10.5, 20)]) == [["1"], ["2"]]


def test_the_order_in_which_visits_ended_does_not_matter():
    visits = [visit(3, 40, 50), visit(1, 0, 10), visit(2, 20, 30)]
    assert rows(visits) == [["1", "2", "3"]]


def test_bars_stand_where_their_segments_were():
    (lane,) = timeline([visit(7, 20, 60, UNKNOWN, WITHOUT, WITH, WITH)], 200.0)
    assert [(bar.left, bar.width, bar.state) for bar in lane.bars] == [
        (10, 5, UNKNOWN),
        (15, 5, WITHOUT),
        (20, 5, WITH),
        (25, 5, WITH),
    ]
    assert lane.names == [(10, "7")]
    assert lane.bars[1].words == f"Person 7: {STYLES[WITHOUT].words}, 0:00:30.0 to 0:00:40.0"


def test_no_two_bars_of_a_row_overlap_and_no_row_is_needless():
    rng = np.random.default_rng(6)
    for _ in range(40):
        media_s = float(rng.choice([0.0, 5.0, 60.0, 4000.0]))
        starts, lengths = rng.uniform(0, media_s, 30), rng.exponential(media_s / 12 + 1e-9, 30)
        visits = [
            visit(n, float(s), float(min(s + d, media_s))) for n, (s, d) in enumerate(zip(starts, lengths, strict=True))
        ]
        lanes = timeline(visits, media_s)
        assert sorted(name for lane in lanes for _, name in lane.names) == sorted(str(v.track_id) for v in visits)
        for lane in lanes:
            bars = sorted(lane.bars, key=lambda bar: bar.left)
            assert all(a.left + a.width <= b.left + 1e-9 for a, b in pairwise(bars))
            assert all(bar.left > -1e-9 and bar.left + bar.width < 100 + 1e-6 for bar in bars)
        if media_s > 0:
            margin_s = 0.02 * media_s
            together = max(
                sum(v.first_seen_s <= t.first_seen_s <= v.last_seen_s + margin_s for v in visits) for t in visits
            )
            assert len(lanes) <= together


def test_a_recording_of_no_length():
    assert len(timeline([visit(1, 0, 0)], 0.0)) == 1
    assert timeline([], 0.0) == []


@pytest.mark.parametrize("media_s", [0.04, 1, 3, 9.9, 34, 59, 60, 61, 100, 600, 3599, 3600, 7201, 86400, 3 * 86400])
def test_ticks_are_round_few_and_in_their_places(media_s):
    ticks = _ticks(media_s)
    assert ticks[0] == (0, "0:00:00")
    assert len(ticks) <= 19
    assert media_s < 2 or media_s > 86400 or 3 <= len(ticks) <= 10
    assert len({label for _, label in ticks}) == len(ticks)
    for left, label in ticks:
        hours, minutes, seconds = map(int, label.split(":"))
        assert 0 <= left <= 100
        assert left == pytest.approx(100 * (hours * 3600 + minutes * 60 + seconds) / media_s)
    steps = {round(b[0] - a[0], 6) for a, b in pairwise(ticks)}
    assert len(steps) <= 1


def test_no_ticks_without_length():
    assert _ticks(0.0) == []


# --- the page -------------------------------------------------------------------------------------------------------


def test_a_report_of_nothing(report):
    html = report()
    assert "Nobody came into view." in html
    assert "No outcome could be determined." in html
    assert "No violation lasted long enough" in html


def test_a_report_of_a_recording_of_no_length(report):
    assert report(summary=summary_of(media_s=0.0, fps=None)).startswith("<!doctype html>")


def test_the_figures_count_people(report):
    visits = [visit(n, n, n + 1) for n in range(7)]
    visits += [visit(7, 7, 9, WITHOUT, WITH, outcome=Outcome.CORRECTED, comply_s=2.4)]
    visits += [visit(8, 8, 9, WITHOUT, outcome=Outcome.VIOLATION), visit(9, 9, 10, WITHOUT, outcome=Outcome.VIOLATION)]
    visits += [visit(10, 8, 9, UNKNOWN, outcome=Outcome.UNKNOWN)]
    html = report(history_of(visits))
    assert '<p class="big">80%</p>' in html
    assert "8 of 10 people with a determined outcome; 95% interval 49 to 94%" in html
    assert '<p class="mid">11</p><p class="soft">9% undetermined</p>' in html
    assert '<p class="mid">2.4 s</p>' in html


def test_incidents_are_cards_with_their_end(report):
    ends = [(n, reason) for n, reason in enumerate([*CloseReason, None], 1)]
    html = report(history_of(incidents=ends))
    for words in ("corrected after 3.0 s", "left the picture", "camera lost", "recording ended", "still open"):
        assert words in html
    assert html.count("data:image/jpeg;base64,/9hqcGVn") == len(ends)


def test_too_many_incidents_are_counted_but_not_all_shown(report):
    html = report(history_of(incidents=[(n, None) for n in range(1, 251)]))
    assert html.count('<div class="card">') == 200
    assert '<p class="mid">250</p>' in html
    assert "50 more are listed in events.jsonl" in html


@pytest.mark.parametrize(
    ("end_reason", "words"),
    [
        (EndReason.FINISHED, None),
        (EndReason.TRUNCATED, "the end is missing"),
        (EndReason.INTERRUPTED, "Stopped before the end"),
        (EndReason.DAMAGED, "cannot be decoded"),
        (EndReason.FAILED, "Reading failed"),
    ],
)
def test_the_report_says_when_it_is_not_whole(report, end_reason, words):
    html = report(summary=summary_of(end_reason=end_reason))
    assert ('class="note"' in html) == (words is not None)
    assert words is None or words in html


def test_the_reason_of_a_failure_is_shown(report):
    html = report(summary=summary_of(end_reason=EndReason.FAILED, error="day.mp4: frame 7 cannot be decoded"))
    assert "frame 7 cannot be decoded" in html


def test_what_the_verdicts_rest_on(report):
    html = report()
    for words in ("entrance.mp4", "a model (model.tflite, litert on cpu)", "5" * 64, "6" * 64, "7" * 64, "rules: {}"):
        assert words in html


ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


@pytest.mark.parametrize("field", ["source", "model", "model_file", "backend", "settings_yaml", "version"])
def test_names_are_words_not_markup(report, field):
    html = report(**{field: ATTACK})
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html


def test_an_error_is_words_not_markup(report):
    assert "<script" not in report(summary=summary_of(end_reason=EndReason.FAILED, error=ATTACK))


def test_nothing_is_fetched_from_anywhere(report):
    html = report(history_of([visit(1, 0, 10)], [(1, None)]))
    assert not re.search(r"(?i)(src|href)=(?![\"']?data:)", html)
    assert not re.search(r"(?i)https?://|url\(|@import|<link|<script", html)


def test_an_older_report_stays_where_the_new_one_cannot_be_written(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    (tmp_path / "report.partial.html").mkdir()
    with pytest.raises(OutputError, match=r"report\.html"):
        write_report(path, History(), summary_of(), provenance())
    assert path.read_text() == "old"


def test_names_of_any_script_arrive(report):
    assert "会议室 é 😷" in report(source="会议室 é 😷")

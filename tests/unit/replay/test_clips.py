import json

import pytest

from monitor.domain.errors import SourceError
from monitor.domain.geometry import Box
from monitor.replay.clip_score import ClipScorer, Result, figures, result_of
from monitor.replay.clip_truth import ClipTruth, TrueState, read_clip_truth
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT, track

A, B = (100, 100, 150, 160), (400, 100, 450, 160)
FPS = 10


def person(name="anna", spans=((0, 40, "without_mask"),), box=A, every=3):
    last = spans[-1][1]
    return {
        "name": name,
        "spans": [list(one) for one in spans],
        "boxes": {str(n): box for n in range(0, last + 3, every)},
    }


def score(people, frames):
    """`frames`: for each frame a list of (box, state); a track's number is that of its place, from 1."""
    scorer = ClipScorer(ClipTruth.model_validate({"fps": FPS, "people": people}))
    for index, seen in enumerate(frames):
        tracks = [track(state, Box(*box), number) for number, (box, state) in enumerate(seen, start=1)]
        scorer.add(index, index / FPS, tracks)
    return figures(scorer.cases("clip.gif"), scorer.unmatched)


@pytest.mark.parametrize(
    ("truth", "verdict", "result"),
    [
        ("without_mask", WITHOUT, Result.RIGHT),
        ("without_mask", INCORRECT, Result.OTHER_VIOLATION),
        ("incorrect", WITHOUT, Result.OTHER_VIOLATION),
        ("without_mask", WITH, Result.WRONG),
        ("with_mask", INCORRECT, Result.WRONG),
        ("incorrect", UNKNOWN, Result.UNKNOWN),
        ("with_mask", None, Result.MISSED),
        ("nobody", WITH, Result.WRONG),
        ("nobody", UNKNOWN, Result.UNKNOWN),
    ],
)
def test_a_verdict_compared_with_the_truth(truth, verdict, result):
    assert result_of(TrueState(truth), verdict) is result


def test_a_person_is_counted_once_and_their_time_by_result():
    frames = [[]] * 5 + [[(A, UNKNOWN)]] * 5 + [[(A, INCORRECT)]] * 10 + [[(A, WITHOUT)]] * 20
    values = score([person(spans=[(0, 39, "without_mask")])], frames)
    bare = values["states"]["without_mask"]
    assert (bare["people"], bare["people_right"], bare["people_wrong"]) == (1, 1, 0)
    shares = [bare[one] for one in ("missed", "unknown", "other_violation", "right", "wrong")]
    assert shares == [0.125, 0.125, 0.25, 0.5, 0.0]
    assert bare["median_time_to_right_s"] == pytest.approx(2.0)
    assert bare["median_face_px"] == 60
    assert values["states"]["with_mask"] == {
        **dict.fromkeys(("people", "people_right", "people_other_violation", "people_wrong"), 0),
        **dict.fromkeys(("right", "other_violation", "wrong", "unknown", "missed")),
        "median_time_to_right_s": None,
        "median_face_px": None,
    }


def test_the_verdict_at_the_end_counts_also_if_the_last_frame_misses_the_face():
    frames = [[(A, WITH)]] * 30 + [[(A, WITHOUT)]] * 9 + [[]] * 2
    assert score([person()], frames)["states"]["without_mask"]["people_right"] == 1
    frames = [[(A, WITHOUT)]] * 30 + [[(A, WITH)]] * 11
    bare = score([person()], frames)["states"]["without_mask"]
    assert (bare["people_right"], bare["people_wrong"]) == (0, 1)


def test_spans_of_one_state_are_one_person_wrong_if_any_ended_wrong():
    spans = [(0, 9, "with_mask"), (15, 24, "without_mask"), (30, 49, "with_mask")]
    frames = [[(A, WITH)]] * 12 + [[(A, WITHOUT)]] * 15 + [[(A, WITHOUT)]] * 10 + [[(A, WITH)]] * 15
    states = score([person(spans=spans)], frames)["states"]
    assert [states[one]["people"] for one in ("with_mask", "without_mask")] == [1, 1]
    assert [states[one]["people_right"] for one in ("with_mask", "without_mask")] == [1, 1]
    frames = [[(A, WITHOUT)]] * 37 + [[(A, WITH)]] * 15
    masked = score([person(spans=spans)], frames)["states"]["with_mask"]
    assert (masked["people"], masked["people_right"], masked["people_wrong"]) == (1, 0, 1)


def test_what_lies_between_spans_is_not_scored():
    spans = [(0, 19, "without_mask"), (30, 49, "without_mask")]
    frames = [[(A, WITHOUT)]] * 20 + [[(A, WITH)]] * 10 + [[(A, WITHOUT)]] * 20
    assert score([person(spans=spans)], frames)["states"]["without_mask"]["right"] == 1


@pytest.mark.parametrize(("height_px", "people"), [(23, 0), (24, 1)])
def test_faces_that_are_too_small_are_not_scored(height_px, people):
    box = (100, 100, 120, 100 + height_px)
    assert score([person(box=box)], [[(box, WITHOUT)]] * 41)["states"]["without_mask"]["people"] == people


@pytest.mark.parametrize(("frames", "people"), [(14, 0), (15, 1)])
def test_who_is_seen_too_briefly_is_not_counted(frames, people):
    one = person(spans=[(0, frames - 1, "with_mask")])
    assert score([one], [[(A, WITH)]] * 30)["states"]["with_mask"]["people"] == people


def test_any_verdict_on_nobody_is_wrong_and_none_is_right():
    tap = person("tap", [(0, 9, "nobody")])
    assert score([tap], [[(A, UNKNOWN)]] * 10)["states"]["nobody"]["people_right"] == 1
    assert score([tap], [[]] * 10)["states"]["nobody"]["people_right"] == 1
    once = score([tap], [[(A, UNKNOWN)]] * 5 + [[(A, WITH)]] + [[(A, UNKNOWN)]] * 4)["states"]["nobody"]
    assert (once["people_right"], once["people_wrong"], once["wrong"]) == (0, 1, 0.1)


def test_a_track_belongs_to_one_person_the_one_it_overlaps_most():
    beside = (110, 100, 160, 160)
    people = [person("anna", box=A), person("ben", [(0, 40, "with_mask")], beside)]
    states = score(people, [[(A, WITHOUT)]] * 41)["states"]
    assert states["without_mask"]["right"] == 1
    assert states["with_mask"]["missed"] == 1


def test_tracks_with_a_verdict_on_nobody_in_the_truth_are_counted_once():
    frames = [[(A, WITHOUT), (B, WITH)]] * 20 + [[(A, WITHOUT), (B, UNKNOWN)]] * 21
    assert score([person()], frames)["verdicts_off_truth"] == 1


def test_boxes_between_annotated_frames_are_interpolated_over_small_gaps_only():
    one = ClipTruth.model_validate(
        {
            "fps": 10,
            "people": [
                {
                    "name": "a",
                    "spans": [[0, 60, "with_mask"]],
                    "boxes": {"0": [0, 0, 10, 10], "4": [8, 0, 18, 10], "20": A},
                }
            ],
        }
    ).people[0]
    assert one.box_at(1) == Box(2, 0, 12, 10)
    assert one.box_at(4) == Box(8, 0, 18, 10)
    assert one.box_at(10) is None
    assert one.box_at(21) is None


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ("{}", "not a truth"),
        ("no JSON", "cannot be read"),
        (json.dumps({"a.gif": {"fps": 10, "people": [person(spans=[(9, 2, "with_mask")])]}}), "spans"),
        (json.dumps({"a.gif": {"fps": 10, "people": [person(spans=[(0, 9, "odd")])]}}), "state|with_mask"),
        (json.dumps({"a.gif": {"fps": 10, "people": [person()]}}), "a.gif"),
        (json.dumps({"../a.gif": {"fps": 10, "people": [person()]}}), "a.gif"),
    ],
)
def test_a_bad_truth_is_refused(tmp_path, truth, words):
    (tmp_path / "truth.json").write_text(truth)
    with pytest.raises(SourceError, match=words):
        read_clip_truth(tmp_path)

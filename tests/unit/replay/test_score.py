import json

import pytest

from monitor.domain.errors import SourceError
from monitor.domain.geometry import Box
from monitor.domain.visit import Outcome, Visit
from monitor.replay.score import Scorer, Truth, read_truth
from tests.fakes import WITH, analysis, flat, track

IMAGE = flat(1, 1)
LOOKS_PER_S = 10
A, B = (100.0, 100.0, 160.0, 160.0), (400.0, 100.0, 460.0, 160.0)


def person(name, box=A, state="with_mask", first=0, frames=40):
    boxes = [box] * frames if not isinstance(box, list) else box
    return {"id": name, "state": state, "first_frame": first, "boxes": boxes}


def truth_of(*people, width=640, height=360):
    return {"video": "x.mp4", "width": width, "height": height, "fps": 10, "frames": 100, "people": list(people)}


def play(truth, frames, visits=()):
    """`frames`: for each frame {track number: box}."""
    scorer = Scorer(Truth.model_validate(truth))
    for index, tracks in enumerate(frames):
        people = [track(WITH, Box(*box), number) for number, box in tracks.items()]
        scorer.add(analysis(IMAGE, *people, index=index))
    return scorer.score(list(visits), LOOKS_PER_S)


def visit(track_id, outcome):
    return Visit("door", track_id, 0.0, 4.0, (), outcome, None, 40, 60.0)


def test_all_right():
    figures = play(
        truth_of(person("anna", A), person("ben", B, "without_mask")),
        [{1: A, 2: B}] * 40,
        [visit(1, Outcome.COMPLIANT), visit(2, Outcome.VIOLATION)],
    )
    assert (figures["people"], figures["owed_a_verdict"], figures["found"], figures["missed"]) == (2, 2, 2, [])
    assert (figures["decided_visits"], figures["right_visits"], figures["right_share"]) == (2, 2, 1.0)
    assert (figures["identity_swaps"], figures["id_switches"], figures["tracks_on_nobody_share"]) == (0, 0, 0)
    anna, ben = figures["detail"]
    assert (anna["id"], anna["state"], anna["visible_s"], anna["seen_share"]) == ("anna", "with_mask", 4.0, 1.0)
    assert (anna["tracks"], anna["outcome"]) == ({1: 40}, "compliant")
    assert (ben["tracks"], ben["outcome"]) == ({2: 40}, "violation")


def test_a_swap_is_seen_as_a_swap():
    figures = play(truth_of(person("anna", A), person("ben", B)), [{1: A, 2: B}] * 20 + [{2: A, 1: B}] * 20)
    assert figures["identity_swaps"] == 2
    assert figures["id_switches"] == 2
    assert figures["found"] == 2


def test_a_number_passed_on_to_the_next_person_is_a_swap():
    truth = truth_of(person("anna", A, frames=40), person("ben", A, first=50, frames=40))
    figures = play(truth, [{1: A}] * 40 + [{}] * 10 + [{1: A}] * 40)
    assert figures["identity_swaps"] == 1


def test_a_new_number_for_the_same_person_is_a_switch_and_no_swap():
    figures = play(truth_of(person("anna", A)), [{1: A}] * 20 + [{2: A}] * 20)
    assert (figures["identity_swaps"], figures["id_switches"]) == (0, 1)
    assert figures["detail"][0]["tracks"] == {1: 20, 2: 20}


def test_a_gap_with_the_same_number_is_no_switch():
    figures = play(truth_of(person("anna", A)), [{1: A}] * 10 + [{}] * 10 + [{1: A}] * 20)
    assert (figures["identity_swaps"], figures["id_switches"]) == (0, 0)


def test_a_glance_in_passing_is_no_swap():
    figures = play(truth_of(person("anna", A), person("ben", B)), [{1: A, 2: B}] * 39 + [{2: A, 1: B}])
    assert figures["identity_swaps"] == 0
    assert figures["id_switches"] == 2


def test_a_missed_person_is_missed():
    figures = play(truth_of(person("anna", A), person("ben", B)), [{1: A}] * 40)
    assert (figures["found"], figures["missed"]) == (1, ["ben"])
    assert figures["detail"][1]["outcome"] is None
    assert figures["detail"][1]["tracks"] == {}


@pytest.mark.parametrize(("seen", "found"), [(19, 0), (20, 1)])
def test_a_person_must_be_seen_half_of_the_time(seen, found):
    figures = play(truth_of(person("anna", A)), [{1: A}] * seen + [{}] * (40 - seen))
    assert figures["found"] == found


def test_a_box_elsewhere_finds_nobody():
    figures = play(truth_of(person("anna", A)), [{1: B}] * 40)
    assert figures["found"] == 0
    assert figures["tracks_on_nobody_share"] == 1.0


@pytest.mark.parametrize(("shift_px", "found"), [(0, 1), (20, 1), (30, 0)])
def test_a_box_must_be_on_the_face(shift_px, found):
    moved = (A[0] + shift_px, A[1], A[2] + shift_px, A[3])
    assert play(truth_of(person("anna", A)), [{1: moved}] * 40)["found"] == found


def test_boxes_on_a_wide_picture_are_not_mixed_up():
    # The mirror image of the box along the diagonal must not match.
    assert play(truth_of(person("ben", B)), [{1: (B[1], B[0], B[3], B[2])}] * 40)["found"] == 0


def test_the_best_overlap_goes_first():
    near = (130.0, 100.0, 190.0, 160.0)  # overlaps anna's face a little, ben's wholly
    truth = truth_of(person("anna", A), person("ben", near))
    figures = play(truth, [{1: near, 2: A}] * 40)
    assert [p["tracks"] for p in figures["detail"]] == [{2: 40}, {1: 40}]


def test_one_track_is_on_one_person_only():
    near = (110.0, 100.0, 170.0, 160.0)
    figures = play(truth_of(person("anna", A), person("ben", near)), [{1: A}] * 40)
    assert (figures["found"], figures["missed"]) == (1, ["ben"])


@pytest.mark.parametrize(
    ("one", "owed"),
    [
        (person("short", A, frames=19), 0),
        (person("long", A, frames=20), 1),
        (person("small", (100.0, 100.0, 129.0, 129.0)), 0),
        (person("large-enough", (100.0, 100.0, 130.0, 130.0)), 1),
        (person("half-out", (-30.0, 100.0, 30.0, 160.0)), 0),
        (person("mostly-in", (-15.0, 100.0, 45.0, 160.0)), 1),
        (person("outside", (-90.0, 100.0, -30.0, 160.0)), 0),
        (person("below", (100.0, 330.0, 160.0, 390.0)), 0),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else str(value),
)
def test_who_is_owed_a_verdict(one, owed):
    figures = play(truth_of(one), [{}] * 60)
    assert figures["owed_a_verdict"] == owed
    assert len(figures["missed"]) == owed


def test_looks_at_a_face_that_was_half_out_do_not_make_a_missed_person_found():
    half_out = (-30.0, 100.0, 30.0, 160.0)
    truth = truth_of(person("anna", [half_out] * 40 + [A] * 40))
    figures = play(truth, [{1: (0.0, 100.0, 30.0, 160.0)}] * 40 + [{}] * 40)
    assert figures["missed"] == ["anna"]


@pytest.mark.parametrize(
    ("state", "outcome", "right"),
    [
        ("with_mask", Outcome.COMPLIANT, True),
        ("with_mask", Outcome.CORRECTED, False),
        ("with_mask", Outcome.VIOLATION, False),
        ("without_mask", Outcome.VIOLATION, True),
        ("without_mask", Outcome.INCORRECT, False),
        ("without_mask", Outcome.COMPLIANT, False),
        ("mask_weared_incorrect", Outcome.INCORRECT, True),
        ("mask_weared_incorrect", Outcome.VIOLATION, False),
    ],
)
def test_outcomes_are_held_against_the_truth(state, outcome, right):
    figures = play(truth_of(person("anna", A, state)), [{1: A}] * 40, [visit(1, outcome)])
    assert (figures["decided_visits"], figures["right_visits"]) == (1, int(right))
    assert len(figures["wrong_visits"]) == int(not right)
    assert right or "track 1 is anna" in figures["wrong_visits"][0]


def test_visits_that_were_not_decided_are_in_no_share():
    figures = play(
        truth_of(person("anna", A), person("ben", B)),
        [{1: A, 2: B}] * 40,
        [visit(1, Outcome.COMPLIANT), visit(2, Outcome.UNKNOWN)],
    )
    assert (figures["visits"], figures["decided_visits"], figures["right_share"]) == (2, 1, 1.0)


def test_without_decided_visits_there_is_no_share():
    assert play(truth_of(person("anna")), [{1: A}] * 40)["right_share"] is None


def test_a_verdict_on_nobody_is_wrong():
    figures = play(truth_of(person("anna", A)), [{1: A, 9: B}] * 40, [visit(9, Outcome.VIOLATION)])
    assert figures["right_visits"] == 0
    assert "matches no person" in figures["wrong_visits"][0]
    assert figures["tracks_on_nobody_share"] == 1.0


def test_a_visit_belongs_to_whom_its_track_was_on_longest():
    truth = truth_of(person("anna", A, "without_mask"), person("ben", B))
    figures = play(truth, [{1: A}] * 30 + [{1: B}] * 10, [visit(1, Outcome.VIOLATION)])
    assert figures["right_visits"] == 1


def test_figures_are_ready_for_json():
    figures = play(truth_of(person("anna", A)), [{1: A}] * 40, [visit(1, Outcome.COMPLIANT)])
    json.dumps(figures, allow_nan=False)


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_truth_is_read(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(truth_of(person("anna"))))
    truth = read_truth(path)
    assert truth.people[0].id == "anna"
    assert truth.people[0].boxes[0] == A


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000,
        json.dumps(truth_of(person("anna", state="masked"))).encode(),
        json.dumps(truth_of(person("anna", first=-1))).encode(),
        json.dumps(truth_of(person("anna", box=(0, 0, 1)))).encode(),
        json.dumps(truth_of(person("anna", box=(0, 0, 1, float("nan"))))).encode(),
        json.dumps(truth_of(person("anna"), width=0)).encode(),
        json.dumps(truth_of(person("anna")) | {"fps": 0}).encode(),
        json.dumps(truth_of(person("anna")) | {"extra": 0}).encode(),
        json.dumps(truth_of(person("anna"), person("anna", B))).encode(),
    ],
    ids=["empty", "cut-off", "list", "no-keys", "utf-16", "deep", "state", "first", "corners", "nan", "width", "fps",
         "extra", "twice"],
)  # fmt: skip
def test_a_broken_truth_is_refused_in_one_line(tmp_path, data):
    path = tmp_path / "truth.json"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"truth\.json") as caught:
        read_truth(path)
    assert "\n" not in str(caught.value)


def test_a_bad_truth_is_explained_without_python(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth_of(person("anna")) | {"people": [{"id": "anna", "boxes": [5]}, 5]}))
    with pytest.raises(SourceError, match=r"people\.0\.boxes\.0: expected a list; people\.1: expected keys") as caught:
        read_truth(path)
    assert "tuple" not in str(caught.value)


def test_a_truth_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match=r"none\.json"):
        read_truth(tmp_path / "none.json")

"""The picture of an incident: the surest, sharpest of its dwell."""

from dataclasses import replace

import numpy as np

from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.track import Track
from monitor.evidence.best_snapshot import BestSnapshots
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT, flat, noise, track

BOX = Box(120, 80, 180, 150)


def observed(
    state: object = WITHOUT, clarity: float = 0.5, number: int = 1, *, box: Box = BOX, opened: bool = False
) -> Track:
    return replace(track(state, box, number), clarity=clarity, incident_open=opened)  # type: ignore[arg-type]


def level(picture: Image | None) -> int:
    assert picture is not None
    return int(np.median(picture))


def test_the_best_look_is_kept_and_not_the_newest():
    best = BestSnapshots()
    for grey, clarity in ((10, 0.2), (20, 0.9), (30, 0.5)):
        best.update(flat(240, 320, grey), [observed(clarity=clarity)], [BOX])
    assert level(best.picture(1)) == 20


def test_of_two_looks_as_good_the_first_stays():
    best = BestSnapshots()
    for grey in (10, 20):
        best.update(flat(240, 320, grey), [observed(clarity=0.5)], [BOX])
    assert level(best.picture(1)) == 10


def test_a_look_without_worth_is_better_than_none():
    best = BestSnapshots()
    best.update(flat(240, 320, 10), [observed(clarity=0.0)], [BOX])
    assert best.picture(1) is not None


def test_who_complies_or_is_not_decided_has_no_picture():
    for state in (WITH, UNKNOWN):
        best = BestSnapshots()
        best.update(flat(240, 320, 10), [observed(clarity=0.5)], [BOX])
        best.update(flat(240, 320, 20), [observed(state, clarity=0.9)], [BOX])
        assert best.picture(1) is None


def test_who_has_left_is_forgotten():
    best = BestSnapshots()
    best.update(flat(240, 320, 10), [observed()], [BOX])
    best.update(flat(240, 320, 20), [], [])
    assert best.picture(1) is None
    assert best.picture(99) is None


def test_another_violation_begins_anew():
    """A picture without a mask is no evidence of one that is worn wrong."""
    best = BestSnapshots()
    best.update(flat(240, 320, 10), [observed(WITHOUT, 0.9)], [BOX])
    best.update(flat(240, 320, 20), [observed(INCORRECT, 0.1)], [BOX])
    assert level(best.picture(1)) == 20


def test_once_the_incident_is_open_its_picture_stays():
    best = BestSnapshots()
    best.update(flat(240, 320, 10), [observed(clarity=0.3)], [BOX])
    best.update(flat(240, 320, 20), [observed(clarity=0.9, opened=True)], [BOX])
    assert level(best.picture(1)) == 10


def test_everybody_has_their_own():
    best = BestSnapshots()
    other = Box(10, 80, 60, 150)
    people = [observed(number=1), observed(number=2, box=other)]
    best.update(flat(240, 320, 10), people, [BOX, other])
    best.update(
        flat(240, 320, 20),
        [observed(clarity=0.9, number=1), observed(clarity=0.1, number=2, box=other)],
        [BOX, other],
    )
    assert level(best.picture(1)) == 20
    assert level(best.picture(2)) == 10


def test_other_faces_are_hidden_and_the_subject_is_not():
    image = noise(240, 320)
    other = Box(185, 80, 245, 150)
    alone, beside = BestSnapshots(), BestSnapshots()
    alone.update(image, [observed()], [BOX])
    beside.update(image, [observed()], [BOX, other])
    clear, hidden = alone.picture(1), beside.picture(1)
    assert clear is not None
    assert hidden is not None
    assert clear.shape == hidden.shape
    changed = np.abs(clear.astype(int) - hidden.astype(int)).max(axis=2) > 30
    middle = changed.shape[1] // 2
    assert changed[:, -20:].any()
    assert not changed[:, middle - 10 : middle + 10].any()


def test_a_face_that_nobody_tracks_is_hidden_as_well():
    image = noise(240, 320)
    stranger = Box(60, 80, 115, 150)
    best, alone = BestSnapshots(), BestSnapshots()
    best.update(image, [observed()], [stranger, BOX])
    alone.update(image, [observed()], [BOX])
    assert not np.array_equal(best.picture(1), alone.picture(1))  # type: ignore[arg-type]


def test_the_picture_is_of_its_own_and_does_not_change_with_the_frame():
    image = flat(240, 320, 10)
    best = BestSnapshots()
    best.update(image, [observed()], [BOX])
    image[:] = 200
    assert level(best.picture(1)) == 10

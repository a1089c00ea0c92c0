import numpy as np
import pytest

from monitor.config.tracking import TrackingSettings
from monitor.domain.detection import Detection
from monitor.domain.geometry import Box
from monitor.tracking.bytetrack import ByteTracker
from tests.fakes import DECIDED, INCORRECT, WITH, WITHOUT

SETTINGS = TrackingSettings(start_score=0.5, match_iou=0.1, confirm_hits=3, lost_after_s=1.0)


def face(x, y=100.0, side=60.0, score=0.9, state=WITH):
    return Detection(Box(x, y, x + side, y + side), state, score)


def follow(frames, per_s=25.0, settings=SETTINGS):
    tracker = ByteTracker(settings)
    return [
        tracker.update(detections, number / per_s, settings.lost_after_s) for number, detections in enumerate(frames)
    ]


def ids(told):
    return [[observation.track_id for observation in observations] for observations in told]


def test_nobody_is_nobody():
    assert ids(follow([[]] * 5)) == [[]] * 5


def test_a_person_counts_after_enough_looks_and_is_number_one():
    told = ids(follow([[face(100)]] * 10))
    first = next(number for number, numbers in enumerate(told) if numbers)
    assert 1 <= first <= SETTINGS.confirm_hits
    assert told[first:] == [[1]] * (10 - first)


def test_a_single_glimpse_is_nobody():
    assert ids(follow([[face(100)]] + [[]] * 5)) == [[]] * 6


def test_an_observation_is_the_detection_itself():
    detection = face(100, state=INCORRECT, score=0.77)
    told = follow([[detection]] * 6)
    assert told[-1][0].detection is detection


def test_people_keep_their_numbers_while_they_walk():
    frames = [[face(100 + 3 * n), face(600 - 3 * n, y=300)] for n in range(60)]
    for observations in follow(frames)[5:]:
        places = {observation.track_id: observation.detection.box.y1_px for observation in observations}
        assert places == {1: 100.0, 2: 300.0}


def test_the_order_of_detections_does_not_matter():
    rng = np.random.default_rng(0)
    frames = []
    for n in range(40):
        faces = [face(100 + 2 * n), face(400, y=250), face(700 - 2 * n, y=400)]
        frames.append([faces[i] for i in rng.permutation(3)])
    settled = follow(frames)[5:]
    owners = {observation.detection.box.y1_px: observation.track_id for observation in settled[0]}
    assert len(owners) == 3
    for observations in settled:
        assert {o.detection.box.y1_px: o.track_id for o in observations} == owners
        assert [o.track_id for o in observations] == sorted(o.track_id for o in observations)


def test_a_person_who_puts_a_mask_on_stays_the_same_person():
    frames = [[face(100, state=DECIDED[n // 10 % 3])] for n in range(60)]
    assert {number for numbers in ids(follow(frames)) for number in numbers} == {1}


def test_a_weak_look_carries_a_person_on_but_starts_nobody():
    weak = [[face(100, score=0.35)]] * 20
    assert {n for numbers in ids(follow(weak)) for n in numbers} == set()
    told = ids(follow([[face(100)]] * 5 + weak))
    assert told[-1] == [1]


@pytest.mark.parametrize("per_s", [5, 10, 25, 50])
def test_a_person_unseen_for_less_than_the_limit_is_the_same_at_any_rate(per_s):
    shown, gap = [[face(100)]] * (3 * per_s), [[]] * int(0.7 * per_s)
    assert ids(follow(shown + gap + shown, per_s))[-1] == [1]


@pytest.mark.parametrize("per_s", [5, 10, 25, 50])
def test_a_person_unseen_for_longer_than_the_limit_is_another_at_any_rate(per_s):
    shown, gap = [[face(100)]] * (3 * per_s), [[]] * int(1.6 * per_s)
    assert ids(follow(shown + gap + shown, per_s))[-1] == [2]


def test_the_limit_is_that_of_the_settings():
    patient = TrackingSettings(lost_after_s=4.0)
    frames = [[face(100)]] * 30 + [[]] * 75 + [[face(100)]] * 30
    assert ids(follow(frames, 25, patient))[-1] == [1]


def test_a_gap_in_the_recording_ends_a_person():
    tracker = ByteTracker(SETTINGS)
    for number in range(20):
        tracker.update([face(100)], number / 25, 1.0)
    numbers = [o.track_id for n in range(20) for o in tracker.update([face(100)], 100 + n / 25, 1.0)]
    assert set(numbers) == {2}


def test_the_same_looks_give_the_same_numbers():
    rng = np.random.default_rng(1)
    frames = [
        [face(float(x), float(y), score=float(s)) for x, y, s in rng.uniform((0, 0, 0.3), (900, 500, 1), (5, 3))]
        for _ in range(80)
    ]
    assert follow(frames) == follow(frames)


def test_each_camera_counts_its_own_people():
    assert ids(follow([[face(100)]] * 8))[-1] == [1]
    assert ids(follow([[face(100)]] * 8))[-1] == [1]


def test_two_people_never_share_a_number():
    frames = [[face(100 + 4 * n, state=WITH), face(500 - 4 * n, y=130, state=WITHOUT)] for n in range(100)]
    for observations in follow(frames):
        numbers = [observation.track_id for observation in observations]
        assert len(set(numbers)) == len(numbers)

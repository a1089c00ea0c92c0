"""Who stands where somebody stood is somebody else; who changes their mask is not."""

import numpy as np
import pytest

from monitor.domain.detection import Detection, Observation
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.rules.continuity import Continuity, appearance, difference
from tests.fakes import WITH

FACE = Box(100, 80, 160, 150)
FAIR, DARK = (150, 190, 225), (40, 50, 80)


def scene(*people: tuple[Box, tuple[int, int, int]], mask: bool = False) -> Image:
    """Faces with hair on a grey ground; a mask covers the lower half."""
    image = np.full((240, 320, 3), 120, np.uint8)
    for box, colour in people:
        x1, y1, x2, y2 = box.as_ints()
        middle = (y1 + y2) // 2
        image[max(0, y1 - 18) : y1 + 8, x1:x2] = [channel // 3 for channel in colour]
        image[y1 + 8 : y2, x1:x2] = colour
        if mask:
            image[middle:y2, x1:x2] = (235, 235, 235)
    return image


class Scene:
    """One track after the other through a continuity of its own."""

    def __init__(self, per_s: float = 10.0) -> None:
        self.continuity = Continuity()
        self.now_s = 0.0
        self._per_s = per_s

    def show(self, image: Image, *boxes: Box, times: int = 1) -> list[Observation]:
        found: list[Observation] = []
        for _ in range(times):
            self.now_s += 1 / self._per_s
            seen = [Observation(number, Detection(box, WITH, 0.9)) for number, box in enumerate(boxes, start=1)]
            found = self.continuity.update(image, seen, self.now_s, 1.0)
        return found


def test_an_appearance_leaves_out_what_a_mask_covers() -> None:
    bare, masked = scene((FACE, FAIR)), scene((FACE, FAIR), mask=True)
    assert difference(appearance(bare, FACE), appearance(masked, FACE)) < 0.05
    assert difference(appearance(bare, FACE), appearance(scene((FACE, DARK)), FACE)) > 0.18


@pytest.mark.parametrize("per_s", [5, 10, 25])
def test_a_person_who_puts_a_mask_on_and_takes_it_off_stays_the_same(per_s: float) -> None:
    one = Scene(per_s)
    for number in range(8):
        (seen,) = one.show(scene((FACE, FAIR), mask=bool(number % 2)), FACE, times=int(per_s))
        assert seen.track_id == 1


def test_a_hand_in_front_of_the_face_is_a_doubt_and_no_new_person() -> None:
    one = Scene()
    one.show(scene((FACE, FAIR)), FACE, times=10)
    (seen,) = one.show(scene((FACE, DARK)), FACE, times=2)
    assert (seen.track_id, seen.certain) == (1, False), "and it carries no evidence"
    (seen,) = one.show(scene((FACE, FAIR)), FACE, times=10)
    assert (seen.track_id, seen.certain) == (1, True)


@pytest.mark.parametrize("per_s", [5, 10, 25])
def test_another_face_in_the_same_place_is_another_person_within_a_second(per_s: float) -> None:
    one = Scene(per_s)
    one.show(scene((FACE, FAIR)), FACE, times=int(2 * per_s))
    started_s = one.now_s
    while one.show(scene((FACE, DARK)), FACE)[0].track_id == 1:
        assert one.now_s - started_s < 1


def test_a_face_that_is_twice_as_large_at_once_is_another_person() -> None:
    one = Scene()
    one.show(scene((FACE, FAIR)), FACE, times=10)
    near = Box(90, 60, 220, 239)
    (seen,) = one.show(scene((near, FAIR)), near)
    assert (seen.track_id, seen.certain) == (2, True)


@pytest.mark.parametrize("per_s", [5, 10, 25])
def test_who_walks_towards_the_camera_or_past_it_stays_the_same(per_s: float) -> None:
    towards, past = Scene(per_s), Scene(per_s)
    for number in range(int(3 * per_s)):
        at_s = number / per_s
        grown = Box(100 - 12 * at_s, 80 - 10 * at_s, 160 + 12 * at_s, 150 + 15 * at_s)
        (near,) = towards.show(scene((grown, FAIR)), grown)
        moved = FACE.moved(60 * at_s - 80, 0)
        (passing,) = past.show(scene((moved, FAIR)), moved)
        assert (near.track_id, passing.track_id) == (1, 1)
        assert near.certain
        assert passing.certain


def test_two_tracks_that_swap_their_people_carry_nothing_over() -> None:
    """A tracker that knows boxes alone may swap two people who cross."""
    left, right = Box(60, 80, 120, 150), Box(150, 80, 210, 150)
    one = Scene()
    one.show(scene((left, FAIR), (right, DARK)), left, right, times=15)
    swapped = one.show(scene((left, DARK), (right, FAIR)), left, right, times=8)
    assert {observation.track_id for observation in swapped} == {3, 4}


def test_the_same_pictures_give_the_same_people() -> None:
    rng = np.random.default_rng(3)
    pictures = [
        (rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), FACE.moved(float(rng.uniform(-9, 9)), 0))
        for _ in range(60)
    ]
    runs = []
    for _ in range(2):
        one = Scene()
        runs.append([one.show(image, box) for image, box in pictures])
    assert runs[0] == runs[1]


def test_who_was_unseen_for_too_long_is_forgotten() -> None:
    one = Scene()
    one.show(scene((FACE, FAIR)), FACE, times=10)
    one.now_s += 5
    (seen,) = one.show(scene((FACE, FAIR)), FACE)
    assert seen.track_id == 2


@pytest.mark.parametrize("box", [Box(-30, -30, 10, 20), Box(300, 220, 350, 260), Box(10, -80, 40, -20)])
def test_a_face_at_or_beyond_the_edge_has_an_appearance_too(box: Box) -> None:
    assert appearance(scene((FACE, FAIR)), box).shape == (6, 6, 3)

import numpy as np
import pytest

from monitor.domain.geometry import Box
from monitor.evidence.blurred_clip import Blur, Faces, faces_of
from tests.fakes import noise

SUBJECT, OTHER = Box(20, 20, 60, 60), Box(120, 20, 160, 60)
IMAGE = noise(120, 200, 1)


def is_shown(image: np.ndarray, box: Box) -> bool:
    x1, y1, x2, y2 = box.as_ints()
    return bool((image[y1:y2, x1:x2] == IMAGE[y1:y2, x1:x2]).all())


def test_only_the_subject_is_shown():
    image = Blur([Faces(1.0, SUBJECT, (OTHER,))])(IMAGE, 1.0)
    assert is_shown(image, SUBJECT)
    assert not is_shown(image, OTHER)
    assert is_shown(image, Box(0, 80, 200, 120)), "what is no face is left as it is"


@pytest.mark.parametrize("time_s", [0.55, 0.8, 1.45])
def test_a_face_is_hidden_before_and_after_it_is_found(time_s):
    blur = Blur([Faces(0.0, None, ()), Faces(0.9, None, ()), Faces(1.0, None, (OTHER,)), Faces(1.1, None, ())])
    assert not is_shown(blur(IMAGE, time_s), OTHER)


def test_where_nothing_is_known_nobody_can_be_recognised():
    image = Blur([Faces(0.0, SUBJECT, ())])(IMAGE, 2.0)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) <= 12 * 12


def test_the_subject_is_shown_on_the_way_between_two_places():
    blur = Blur([Faces(0.0, SUBJECT, ()), Faces(0.2, SUBJECT.moved(20, 0), (OTHER,))])
    assert is_shown(blur(IMAGE, 0.1), SUBJECT.moved(10, 0))


def test_a_subject_that_is_found_only_a_while_later_is_hidden_like_others():
    blur = Blur([Faces(0.0, None, ()), Faces(0.45, SUBJECT, ())])
    assert not is_shown(blur(IMAGE, 0.0), SUBJECT)


def test_everybody_but_one_person_counts_as_another():
    people = [[7, "without_mask", 0.9, 20, 20, 60, 60, 1], [8, "with_mask", 0.9, 120, 20, 160, 60, 0]]
    (faces,) = faces_of({"frames": [{"at": 0.1, "people": people, "others": [[1, 2, 3, 4]]}]}, 7)
    assert faces == Faces(0.1, SUBJECT, (OTHER, Box(1, 2, 3, 4)))

import cv2
import numpy as np
import pytest

from monitor.domain.geometry import Box
from monitor.evidence.snapshot import hide_faces, incident_picture
from tests.fakes import flat, noise

IMAGE = noise(480, 640)
IMAGE.setflags(write=False)
#: As random, with detail that survives being scaled.
SOFT = cv2.resize(noise(120, 160), (640, 480), interpolation=cv2.INTER_CUBIC)


def detail(image, box):
    """How many colours there are in a box: thousands in a face of noise, few in coarse blocks."""
    x1, y1, x2, y2 = box.clipped(image.shape[1], image.shape[0]).as_ints()
    return len(np.unique(image[y1:y2, x1:x2].reshape(-1, 3), axis=0))


def likeness(image, hidden, box):
    """Correlation of what is left with what was there, after removing what a glance at blocks shows."""
    x1, y1, x2, y2 = box.as_ints()
    a, b = (cv2.resize(picture[y1:y2, x1:x2], (64, 64)).astype(float).ravel() for picture in (image, hidden))
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("side_px", [24, 40, 100, 300])
def test_a_hidden_face_is_a_few_coarse_blocks(side_px):
    face = Box(150, 120, 150 + side_px, 120 + side_px)
    hidden = hide_faces(IMAGE, [face])
    assert detail(IMAGE, face) > 300
    assert detail(hidden, face) <= 36
    assert likeness(IMAGE, hidden, face) < 0.4


def test_the_margin_of_a_face_is_hidden_too():
    hidden = hide_faces(IMAGE, [Box(200, 200, 300, 300)])
    assert (hidden[182, 185:315] != IMAGE[182, 185:315]).any()
    assert detail(hidden, Box(180, 180, 320, 320)) <= 36


def test_everything_else_stays():
    hidden = hide_faces(IMAGE, [Box(200, 200, 300, 300)])
    outside = np.ones((480, 640), bool)
    outside[179:321, 179:321] = False
    np.testing.assert_array_equal(hidden[outside], IMAGE[outside])


def test_the_picture_itself_is_not_changed():
    image = noise(100, 100)
    before = image.copy()
    hide_faces(image, [Box(10, 10, 60, 60)])
    incident_picture(image, Box(10, 10, 60, 60), [Box(50, 50, 90, 90)])
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    "face",
    [
        Box(-20, -20, 40, 40), Box(600, 440, 700, 500), Box(-50, 100, 700, 200), Box(0, 0, 640, 480), Box(0, 0, 1, 1),
        Box(-100, -100, -50, -50), Box(50, 50, 50, 50), Box(639, 479, 640, 480),
    ],
)  # fmt: skip
def test_faces_at_and_beyond_the_border(face):
    hidden = hide_faces(IMAGE, [face])
    assert hidden.shape == IMAGE.shape
    assert detail(hidden, face) <= 36


def test_many_faces_are_all_hidden():
    faces = [Box(x, y, x + 50, y + 60) for x in range(20, 600, 90) for y in range(20, 400, 110)]
    hidden = hide_faces(IMAGE, faces)
    assert all(detail(hidden, face) <= 36 for face in faces)


def test_faces_that_overlap_are_both_hidden():
    a, b = Box(100, 100, 200, 200), Box(160, 160, 260, 260)
    hidden = hide_faces(IMAGE, [a, b])
    assert likeness(IMAGE, hidden, a) < 0.4
    assert likeness(IMAGE, hidden, b) < 0.4
    assert detail(hidden, a) <= 72


def subject_in(picture, image, subject):
    """The subject's face, cut out of an incident's picture again, at its own size."""
    frame = subject.padded(0.8).clipped(image.shape[1], image.shape[0])
    left, top, right, bottom = frame.as_ints()
    restored = cv2.resize(picture, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    x1, y1, x2, y2 = subject.clipped(image.shape[1], image.shape[0]).as_ints()
    return restored[y1 - top : y2 - top, x1 - left : x2 - left], image[y1:y2, x1:x2]


def correlation(a, b):
    return float(np.corrcoef(a.astype(float).ravel(), b.astype(float).ravel())[0, 1])


@pytest.mark.parametrize(
    "subject",
    [
        Box(250, 200, 330, 300), Box(0, 0, 60, 70), Box(580, 0, 640, 70), Box(0, 410, 60, 480), Box(580, 410, 640, 480),
        Box(0, 200, 60, 270), Box(250, 0, 330, 100), Box(0, 0, 640, 480), Box(300, 200, 325, 230),
    ],
)  # fmt: skip
def test_the_subject_is_kept_wherever_they_stand(subject):
    picture = incident_picture(SOFT, subject, [])
    assert picture.shape[0] == 240
    assert correlation(*subject_in(picture, SOFT, subject)) > 0.8


def test_the_picture_shows_head_and_shoulders_in_proportion():
    picture = incident_picture(SOFT, Box(250, 200, 330, 280), [])
    assert picture.shape == (240, 240, 3)
    picture = incident_picture(SOFT, Box(250, 200, 290, 280), [])
    assert picture.shape == (240, 120, 3)


def test_the_subject_is_not_hidden_by_a_neighbours_margin():
    subject, neighbour = Box(200, 200, 300, 300), Box(305, 200, 405, 300)
    picture = incident_picture(SOFT, subject, [neighbour])
    kept, original = subject_in(picture, SOFT, subject)
    assert correlation(kept[:, -10:], original[:, -10:]) > 0.8


def test_the_neighbour_stays_hidden_beside_the_subject():
    subject, neighbour = Box(200, 200, 300, 300), Box(305, 200, 405, 300)
    picture = incident_picture(IMAGE, subject, [neighbour])
    restored = cv2.resize(picture, (260, 260), interpolation=cv2.INTER_AREA)  # 120..380
    assert correlation(restored[80:180, 190:260], IMAGE[200:300, 310:380]) < 0.4


@pytest.mark.parametrize(
    "other", [Box(220, 220, 250, 250), Box(270, 270, 340, 340), Box(160, 160, 230, 230), Box(200, 270, 300, 360)]
)
def test_another_face_in_front_of_the_subject_is_hidden_where_it_overlaps(other):
    subject = Box(200, 200, 300, 300)
    picture = incident_picture(IMAGE, subject, [other])
    restored = cv2.resize(picture, (260, 260), interpolation=cv2.INTER_AREA)
    x1, y1, x2, y2 = other.as_ints()
    part = restored[y1 - 120 : y2 - 120, x1 - 120 : x2 - 120]
    assert correlation(part, IMAGE[y1:y2, x1:x2]) < 0.5


def test_a_smooth_face_is_not_given_away_by_its_outline():
    # A large shape keeps no more than 6 blocks across.
    image = flat(480, 640)
    cv2.circle(image, (250, 250), 30, (250, 250, 250), -1)
    cv2.circle(image, (240, 240), 4, (0, 0, 0), -1)
    hidden = hide_faces(image, [Box(210, 210, 290, 290)])
    assert detail(hidden, Box(194, 194, 306, 306)) <= 36


@pytest.mark.parametrize(
    "subject", [Box(100, 100, 101, 101), Box(0, 0, 1, 1), Box(639, 479, 640, 480), Box(0, 100, 640, 101)]
)
def test_the_smallest_subjects_have_a_picture(subject):
    assert incident_picture(IMAGE, subject, []).shape[0] == 240


def test_a_picture_of_one_pixel():
    assert incident_picture(flat(1, 1), Box(0, 0, 1, 1), []).shape == (240, 240, 3)

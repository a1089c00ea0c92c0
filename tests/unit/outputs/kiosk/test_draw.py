from dataclasses import replace

import cv2
import numpy as np
import pytest

from monitor.domain.geometry import Box
from monitor.domain.health import Condition
from monitor.outputs.kiosk.draw import Screen, View, draw_screen
from monitor.outputs.kiosk.layout import lay_out
from monitor.outputs.kiosk.pictograms import PAINTS, pictogram
from monitor.outputs.kiosk.texts import load_texts
from monitor.outputs.style import STYLES
from monitor.rules.kiosk import Ruling, Verdict, rule
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT, flat, noise, track
from tests.unit.outputs.kiosk.makers import NOW_S, status

TEXTS = load_texts()
SIZE = (1280, 720)
LEFT_FACE = Box(20, 60, 60, 110)


def view_of(*tracks, image, age_s=0.1, **more):
    seen = status(*tracks, image=image, age_s=age_s, **more)
    return View(rule(seen, NOW_S), seen.analysis, "Entrance", age_s)


def plain_view(verdict, image=None):
    """A screen of any verdict."""
    seen = status(image=flat(90, 160) if image is None else image)
    return View(Ruling(verdict, None, None, 0.0, 0.0), seen.analysis, "Entrance", 0.1)


def picture_of(screen, image):
    area = lay_out(screen.shape[1], screen.shape[0], image.shape[1], image.shape[0]).picture
    return screen[area.top : area.bottom, area.left : area.right]


def saturation(image):
    return int((image.max(axis=2).astype(int) - image.min(axis=2)).max())


@pytest.mark.parametrize("verdict", Verdict)
def test_the_colour_of_the_verdict_fills_the_screen(verdict):
    screen = draw_screen(plain_view(verdict), TEXTS["en"], *SIZE)
    share = (screen == PAINTS[verdict].ground).all(axis=2).mean()
    assert share > 0.35


def test_each_verdict_has_a_colour_or_a_sign_of_its_own():
    grounds = {PAINTS[verdict].ground for verdict in Verdict if not verdict.grey}
    assert len(grounds) == 5
    assert all(saturation(np.array([[PAINTS[verdict].ground]], np.uint8)) == 0 for verdict in Verdict if verdict.grey)
    assert PAINTS[Verdict.GO].ground == STYLES[WITH].colour
    assert PAINTS[Verdict.PUT_ON].ground == STYLES[WITHOUT].colour
    assert PAINTS[Verdict.COVER].ground == STYLES[INCORRECT].colour


def test_signs_differ_by_shape_not_by_colour_alone():
    shapes = {}
    for verdict in Verdict:
        grey = cv2.cvtColor(pictogram(verdict, 200), cv2.COLOR_BGR2GRAY).astype(int)
        shapes[verdict] = np.abs(grey - grey[0, 0]) > 40
    alike = {frozenset({Verdict.WAIT, Verdict.STARTING})}
    for one in Verdict:
        for other in Verdict:
            if one is not other and frozenset({one, other}) not in alike:
                assert (shapes[one] != shapes[other]).mean() > 0.02, (one, other)


@pytest.mark.parametrize("size", [1, 2, 17, 300, 1500])
def test_signs_come_in_any_size(size):
    for verdict in Verdict:
        assert pictogram(verdict, size).shape == (size, size, 3)


@pytest.mark.parametrize(
    "size", [(1, 1), (3, 40), (40, 3), (100, 1000), (640, 480), (1080, 1920), (1281, 719)], ids=str
)
@pytest.mark.parametrize("mirror", [True, False])
def test_every_size_is_drawn(size, mirror):
    image = noise(90, 160)
    people = [track(WITH, Box(-20, -20, 300, 200), 1), track(UNKNOWN, Box(150, 80, 170, 95), 2)]
    for language in ("de", "ar", "zh"):
        for notice in ("", "Saved"):
            view = replace(view_of(*people, image=image), notice=notice)
            assert draw_screen(view, TEXTS[language], *size, mirror).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("code", TEXTS)
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)], ids=str)
def test_no_word_is_cut_off(code, verdict, size):
    screen = draw_screen(plain_view(verdict), TEXTS[code], *size)
    ground = PAINTS[verdict].ground
    edges = [screen[:2], screen[-2:], screen[:, :2], screen[:, -2:]]
    assert all((edge == ground).all() for edge in edges)
    layout = lay_out(*size, 160, 90)
    gap = screen[layout.words.top - 1 : layout.words.top]  # nothing climbs out of the words' own place
    assert (gap == ground).all()


def test_the_age_is_on_every_picture():
    image = flat(90, 160)
    young, older = (
        picture_of(draw_screen(view_of(image=image, age_s=age), TEXTS["en"], *SIZE), image).copy() for age in (0.1, 1.4)
    )
    assert (young != older).any()


@pytest.mark.parametrize(
    ("condition", "age_s"), [(Condition.LIVE, 5.0), (Condition.STALE, 0.1), (Condition.LOST, 60.0)]
)
def test_a_stale_picture_is_all_grey_and_without_outlines(condition, age_s):
    image = noise(90, 160)
    masked = view_of(track(WITH, LEFT_FACE), image=image, condition=condition, age_s=age_s)
    empty = view_of(image=image, condition=condition, age_s=age_s)
    screen = draw_screen(masked, TEXTS["en"], *SIZE)
    area = lay_out(*SIZE, 160, 90).picture
    assert saturation(screen[area.top : area.bottom - 120, area.left : area.right]) == 0
    np.testing.assert_array_equal(screen, draw_screen(empty, TEXTS["en"], *SIZE))
    assert not (screen == PAINTS[Verdict.GO].ground).all(axis=2).any()


def test_the_picture_is_mirrored_and_the_words_are_not():
    image = flat(90, 160)
    image[:, :40] = (255, 0, 0)
    view = view_of(image=image)
    mirrored, straight = (draw_screen(view, TEXTS["en"], *SIZE, mirror) for mirror in (True, False))
    assert picture_of(straight, image)[100, 20, 0] == 255
    assert picture_of(mirrored, image)[100, -20, 0] == 255
    assert picture_of(mirrored, image)[100, 20, 0] == 90
    below = lay_out(*SIZE, 160, 90).words.top
    np.testing.assert_array_equal(mirrored[below:], straight[below:])


@pytest.mark.parametrize(
    "size", [SIZE, (120, 90)], ids=str
)  # shrunk and enlarged pictures are mirrored on different sides
def test_boxes_are_mirrored_with_their_faces(size):
    image = flat(90, 160)
    view = view_of(track(WITHOUT, LEFT_FACE), image=image)
    colour = np.array(STYLES[WITHOUT].colour)
    for mirror, half in ((False, slice(None, 80)), (True, slice(80, None))):
        shown = picture_of(draw_screen(view, TEXTS["en"], *size, mirror), image)
        drawn = np.flatnonzero((np.abs(shown.astype(int) - colour) < 8).all(axis=2)[8:-8, 8:-8].any(axis=0)) + 8
        assert drawn.size
        inside = drawn * 160 / shown.shape[1]
        assert ((inside >= half.start) if half.start else (inside < half.stop)).all()


def test_the_ruling_face_stands_out():
    image = flat(90, 160)
    near, far = track(WITHOUT, Box(20, 20, 60, 80), 1), track(WITH, Box(110, 30, 130, 50), 2)
    shown = picture_of(draw_screen(view_of(near, far, image=image), TEXTS["en"], *SIZE, mirror=False), image)
    white = (shown > 250).all(axis=2)[:-60]
    middle = shown.shape[1] // 2
    assert white[:, :middle].sum() > 3 * white[:, middle:].sum()


def test_the_screen_of_one_verdict_is_the_same_after_another():
    image = noise(90, 160)
    views = [view_of(track(state, LEFT_FACE), image=image) for state in (WITH, WITHOUT, WITH)]
    views += [replace(views[0], notice="Saved"), views[0]]
    screen = Screen(mirror=True)
    for view in views:
        for language in ("en", "ar"):
            drawn = screen.draw(view, TEXTS[language], *SIZE)
            np.testing.assert_array_equal(drawn, draw_screen(view, TEXTS[language], *SIZE))


def test_the_camera_s_picture_is_not_touched():
    image = noise(90, 160)
    before = image.copy()
    image.setflags(write=False)
    view = replace(view_of(track(WITHOUT, LEFT_FACE), image=image), private=True)
    draw_screen(view, TEXTS["en"], *SIZE)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("state", "hidden"), [(WITHOUT, False), (INCORRECT, False), (WITH, True), (UNKNOWN, True)])
def test_what_is_saved_hides_all_but_who_is_told_to_put_a_mask_right(state, hidden):
    image = noise(360, 640)
    ruling, other = track(state, Box(60, 60, 220, 260), 1), track(WITHOUT, Box(450, 100, 530, 200), 2)
    view = view_of(ruling, other, image=image)
    shown, private = (
        picture_of(draw_screen(replace(view, private=flag), TEXTS["en"], 3840, 2160, mirror=False), image)
        for flag in (False, True)
    )
    scale = shown.shape[1] / 640

    def differs(box):
        x1, y1, x2, y2 = (round(value * scale) for value in (box.x1_px + 20, box.y1_px + 20, box.x2_px, box.y2_px))
        return bool((shown[y1 : y2 - 40, x1 : x2 - 40] != private[y1 : y2 - 40, x1 : x2 - 40]).any())

    assert differs(other.box)
    assert differs(ruling.box) is hidden


def test_without_a_picture_there_is_a_dark_place():
    view = View(rule(None, NOW_S), None, "", 0.0)
    screen = draw_screen(view, TEXTS["en"], *SIZE)
    assert (screen == PAINTS[Verdict.STARTING].ground).all(axis=2).mean() > 0.3

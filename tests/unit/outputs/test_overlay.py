import itertools

import cv2
import numpy as np
import pytest

from monitor.config.overlay import OverlaySettings
from monitor.domain.detection import Detection, MaskState
from monitor.domain.freshness import DEFAULT_STALE_AFTER_S as STALE_AFTER_S
from monitor.domain.geometry import Box
from monitor.outputs.overlay import Caption, draw_analysis, draw_box, draw_detections, text_height_px
from monitor.outputs.style import STALE, STYLES, Outline, css
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT, analysis, checkers, flat, noise, track

CAPTION = Caption("Entrance", "0:00:01.0", 25.0, 25.0)
SETTINGS = OverlaySettings()
BARE = OverlaySettings(scores=False, banner=False)
SIZES = [(1, 1), (16, 16), (240, 320), (2160, 3840), (33, 17), (17, 33), (241, 321), (3, 700), (700, 3), (719, 1279)]
PAIRS = list(itertools.combinations(MaskState, 2))


def draw(image, *tracks, age_s=0.0, caption=CAPTION, settings=SETTINGS):
    return draw_analysis(image, analysis(image, *tracks, age_s=age_s), caption, settings)


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def shape_of(image, ground=90, tolerance=30):
    """Where anything was drawn over a plain ground, whatever its colour."""
    return (np.abs(image.astype(int) - ground) > tolerance).any(axis=2)


def crowd(height, width):
    """One person of each state, also partly and wholly outside the picture."""
    boxes = [
        Box(0, 0, width, height),
        Box(width * 0.2, height * 0.3, width * 0.4, height * 0.6),
        Box(-width * 0.2, -height * 0.2, width * 0.1, height * 0.1),
        Box(width * 0.9, height * 0.9, width * 1.3, height * 1.3),
    ]
    return [track(state, box, number) for number, (state, box) in enumerate(zip(MaskState, boxes, strict=True), 1)]


# --- pure, at every size --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
@pytest.mark.parametrize("age_s", [0.0, 9.0], ids=["fresh", "stale"])
def test_every_size_is_drawn_on_a_copy(size, age_s):
    image = noise(*size)
    before = image.copy()
    image.setflags(write=False)
    drawn = draw(image, *crowd(*size), age_s=age_s)
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert not np.shares_memory(drawn, image)
    np.testing.assert_array_equal(image, before)
    if min(size) >= 16:
        assert (drawn != image).any()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_detections_are_drawn_on_a_copy_at_every_size(size):
    image = noise(*size)
    before = image.copy()
    image.setflags(write=False)
    found = [Detection(person.box, person.state, 0.7) for person in crowd(*size)]
    drawn = draw_detections(image, found, SETTINGS)
    assert drawn.shape == image.shape
    np.testing.assert_array_equal(image, before)


def test_the_same_in_gives_the_same_out():
    image = noise(240, 320)
    people = crowd(240, 320)
    np.testing.assert_array_equal(draw(image, *people), draw(image, *people))


def test_a_part_of_a_larger_picture_is_drawn_too():
    view = noise(480, 640)[::2, ::2]
    assert not view.flags.c_contiguous
    np.testing.assert_array_equal(draw(view, track(WITH)), draw(view.copy(), track(WITH)))


@pytest.mark.parametrize(
    "box", [Box(50, 50, 50, 50), Box(90, 90, 50, 50), Box(-900, -900, -800, -800), Box(5000, 5000, 9000, 9000)]
)
def test_boxes_that_no_detector_should_give_harm_nothing(box):
    for state in MaskState:
        assert draw(flat(240, 320), track(state, box)).shape == (240, 320, 3)


def test_a_hundred_people_are_drawn():
    image = flat(720, 1280)
    people = [
        track(state, Box(x, y, x + 60, y + 60), n)
        for n, (state, x, y) in enumerate(
            itertools.islice(itertools.product(MaskState, range(0, 1200, 90), range(60, 660, 90)), 100)
        )
    ]
    assert (draw(image, *people) != image).any()


# --- what a box looks like ------------------------------------------------------------------------------------------


def test_the_box_is_where_the_face_is_on_a_picture_that_is_not_square():
    drawn = draw(flat(400, 1000), track(WITH, Box(700, 150, 800, 350)), settings=BARE)
    rows, columns = np.nonzero((drawn == STYLES[WITH].colour).all(axis=2))
    assert columns.min() == pytest.approx(700, abs=4)
    assert columns.max() >= 799
    assert rows.max() == pytest.approx(350, abs=4)
    assert (drawn[200:300, 720:780] == 90).all()  # the face itself stays free


@pytest.mark.parametrize("state", MaskState)
def test_each_state_has_its_colour(state):
    drawn = draw(flat(720, 1280), track(state, Box(400, 300, 600, 500)), settings=BARE)
    assert (drawn == STYLES[state].colour).all(axis=2).sum() > 200


def test_no_two_states_share_colour_outline_or_words():
    for field in ("colour", "outline", "words"):
        assert len({getattr(look, field) for look in STYLES.values()}) == len(MaskState)
    assert {look.outline for look in STYLES.values()} == set(Outline)


@pytest.mark.parametrize(
    ("height", "face_px"), [(240, 14), (240, 30), (240, 100), (720, 14), (720, 100), (720, 300), (2160, 100)]
)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_states_are_told_apart_without_colour(pair, height, face_px):
    width = height * 16 // 9
    box = Box(width * 0.4, height * 0.5, width * 0.4 + face_px, height * 0.5 + face_px)
    # Stale, so all are drawn in the same grey: what still differs is shape and words.
    a, b = (draw(flat(height, width), track(state, box), age_s=9, settings=BARE) for state in pair)
    np.testing.assert_array_equal(a[..., 0], a[..., 2])
    different = np.abs(grey(a).astype(int) - grey(b).astype(int)) > 60
    assert different.sum() >= text_height_px(a)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_outlines_alone_tell_states_apart(pair):
    box = Box(400, 300, 600, 500)
    ring = np.zeros((720, 1280), bool)
    ring[290:520, 385:620] = True  # the box, without the label above it
    a, b = (shape_of(draw(flat(720, 1280), track(state, box), age_s=9, settings=BARE)) & ring for state in pair)
    assert (a != b).sum() > 0.1 * (a | b).sum()


@pytest.mark.parametrize("ground", [0, 255, 128, 90])
@pytest.mark.parametrize("state", MaskState)
def test_boxes_stand_out_from_every_ground(state, ground):
    drawn = draw(flat(240, 320, ground), track(state, Box(120, 100, 180, 160)), settings=BARE)
    contrast = np.abs(grey(drawn).astype(int) - ground)
    assert (contrast[96:165, 115:186] > 60).sum() > 60


@pytest.mark.parametrize("state", MaskState)
def test_words_stand_out_from_their_plate(state):
    def luminance(colour):
        blue, green, red = (c / 12.92 / 255 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
        return 0.0722 * blue + 0.7152 * green + 0.2126 * red

    light, dark = sorted((luminance(STYLES[state].colour), luminance(STYLES[state].ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.3 for large and bold text


def test_the_score_is_shown_or_not():
    shown = OverlaySettings(banner=False)
    a, b = (
        draw(flat(720, 1280), track(WITH, Box(300, 300, 600, 600), confidence=c), settings=shown) for c in (0.91, 0.47)
    )
    assert (a != b).any()
    a, b = (
        draw(flat(720, 1280), track(WITH, Box(300, 300, 600, 600), confidence=c), settings=BARE) for c in (0.91, 0.47)
    )
    assert (a == b).all()


def test_unknown_shows_no_score():
    shown = OverlaySettings(banner=False)
    a, b = (
        draw(flat(720, 1280), track(UNKNOWN, Box(300, 300, 600, 600), confidence=c), settings=shown) for c in (0, 0.9)
    )
    assert (a == b).all()


def test_a_detection_shows_its_score():
    box = Box(300, 300, 600, 600)
    a, b = (draw_detections(flat(720, 1280), [Detection(box, WITH, score)], SETTINGS) for score in (0.91, 0.47))
    assert (a != b).any()


@pytest.mark.parametrize(
    "box", [Box(0, 0, 60, 60), Box(260, 0, 320, 60), Box(0, 180, 60, 240), Box(260, 180, 320, 240), Box(0, 0, 320, 240)]
)
@pytest.mark.parametrize("state", MaskState)
def test_the_label_stays_inside_the_picture(state, box):
    # Wherever the face is, as much of the label's plate is visible as of one in the middle.
    def plate(box):
        drawn = draw_detections(flat(240, 320), [Detection(box, state, 0.5)], OverlaySettings(scores=False))
        near = cv2.morphologyEx(
            (drawn == STYLES[state].colour).all(axis=2).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5))
        )
        return near.sum()

    middle = plate(
        Box(130, 90, 130 + box.width_px, 90 + box.height_px) if box.width_px < 300 else Box(10, 60, 310, 200)
    )
    assert plate(box) >= 0.8 * middle


# --- the banner -----------------------------------------------------------------------------------------------------


def banner_of(drawn):
    return drawn[: text_height_px(drawn) + 4]


def test_the_banner_can_be_left_out():
    image = flat(240, 320)
    np.testing.assert_array_equal(draw(image, settings=BARE), image)
    assert (draw(image) != image).any()


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([WITH, WITH], WITH),
        ([WITH, UNKNOWN], UNKNOWN),
        ([WITH, INCORRECT, UNKNOWN], INCORRECT),
        ([WITH, INCORRECT, WITHOUT, UNKNOWN], WITHOUT),
        ([UNKNOWN], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_the_banner_shows_the_worst_in_the_picture(states, worst):
    drawn = draw(flat(720, 1280), *(track(s, Box(900, 500, 1000, 600), n) for n, s in enumerate(states)))
    corner = drawn[3, 3].tolist()
    assert tuple(corner) == STYLES[worst].colour


@pytest.mark.parametrize("states", [[UNKNOWN], [], [WITH, UNKNOWN], [WITHOUT], [INCORRECT, WITH]])
def test_the_banner_is_green_only_when_all_wear_a_mask(states):
    drawn = draw(flat(720, 1280), *(track(s, Box(900, 500, 1000, 600), n) for n, s in enumerate(states)))
    assert not (banner_of(drawn) == STYLES[WITH].colour).all(axis=2).any()


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (720, 1280), (2160, 3840)], ids=str)
@pytest.mark.parametrize("camera", ["Door", "Eingang Nordwest, Erdgeschoss, Tor 3 neben der Anlieferung"])
@pytest.mark.parametrize("people", [[], [INCORRECT], [WITH, WITH]], ids=["nobody", "wrong", "right"])
def test_the_age_of_the_picture_is_always_shown(size, camera, people):
    image = flat(*size)
    tracks = [track(state, Box(0, size[0] / 2, 10, size[0] / 2 + 10), n) for n, state in enumerate(people)]
    caption = Caption(camera, "12:34:56.7", 25.0, 12.0)
    young, older = (draw(image, *tracks, age_s=age_s, caption=caption) for age_s in (0.1, 1.6))
    assert (banner_of(young) != banner_of(older)).any()


@pytest.mark.parametrize("field", ["camera", "clock", "fps", "detect_fps"])
def test_what_the_caption_says_is_shown(field):
    values = {"camera": "Door", "clock": "0:00:01.0", "fps": 25.0, "detect_fps": 12.0}
    other = {"camera": "Hall", "clock": "0:00:02.0", "fps": 15.0, "detect_fps": 5.0}
    a = draw(flat(720, 1280), caption=Caption(**values))
    b = draw(flat(720, 1280), caption=Caption(**values | {field: other[field]}))
    assert (banner_of(a) != banner_of(b)).any()


def test_rates_that_are_not_known_are_left_out():
    assert draw(flat(720, 1280), caption=Caption("Door", "0:00:01.0")).shape == (720, 1280, 3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("会议室", "门口室"),
        ("Вход А", "Вход Б"),
        ("Caf\u00e9", "Cafe"),
        ("Eingang Süd", "Eingang Sud"),
        ("Πύλη", "Πόλη"),
    ],
)
def test_names_of_other_scripts_are_written_not_replaced_by_question_marks(one, other):
    a, b = (draw(flat(720, 1280), caption=Caption(name, "0:00:01.0")) for name in (one, other))
    assert (banner_of(a) != banner_of(b)).any()
    marks = draw(flat(720, 1280), caption=Caption("?" * len(one), "0:00:01.0"))
    assert (banner_of(a) != banner_of(marks)).any()


@pytest.mark.parametrize("name", ["😷" * 10, "\u202eabc", "א" * 30, "", "a\nb", "x" * 64, "\ufffd"])
def test_no_name_breaks_the_picture(name):
    for size in ((16, 16), (240, 320), (720, 1280)):
        assert draw(flat(*size), caption=Caption(name, "0:00:01.0")).shape == (*size, 3)


def test_the_picture_below_the_banner_is_left_alone():
    image = noise(720, 1280)
    drawn = draw(image)
    np.testing.assert_array_equal(drawn[60:], image[60:])


# --- stale is never green -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(16, 16), (240, 320), (720, 1280)], ids=str)
def test_a_stale_picture_is_grey_all_over(size):
    height, width = size
    image = noise(*size)
    people = [
        track(state, Box(width * 0.1 * n, height * 0.4, width * 0.1 * n + 40, height * 0.8), n)
        for n, state in enumerate(MaskState)
    ]
    drawn = draw(image, *people, age_s=STALE_AFTER_S + 0.01)
    assert (drawn == drawn[..., :1]).all()


def test_a_stale_picture_says_how_old_it_is():
    a, b = (draw(flat(240, 320), track(WITH), age_s=age_s) for age_s in (5, 9))
    assert (banner_of(a) != banner_of(b)).any()
    assert tuple(a[3, 3].tolist()) == STALE


def test_a_picture_turns_stale_only_past_the_limit():
    image = noise(240, 320)
    assert (draw(image, age_s=STALE_AFTER_S)[60:] == image[60:]).all()
    assert (draw(image, age_s=STALE_AFTER_S + 0.001)[60:] != image[60:]).any()


def test_a_stale_picture_is_grey_without_the_banner_too():
    drawn = draw(noise(240, 320), track(WITH, Box(100, 100, 160, 160)), age_s=9, settings=BARE)
    assert (drawn == drawn[..., :1]).all()


# --- sizes of text --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "height_px"),
    [((1, 1), 11), ((240, 320), 11), ((720, 1280), 22), ((2160, 3840), 66), ((1280, 720), 12), ((1080, 1920), 33)],
)
def test_text_is_legible_at_every_size(size, height_px):
    assert text_height_px(flat(*size)) == height_px


def test_colours_for_the_page():
    assert css((0, 94, 213)) == "#d55e00"  # Okabe & Ito's vermillion
    assert css(STYLES[WITH].colour) == "#009e73"
    assert css(STYLES[INCORRECT].colour) == "#f0e442"


def test_checkered_ground_does_not_hide_a_box():
    image = checkers(720, 1280)
    drawn = draw(image, track(WITHOUT, Box(400, 300, 600, 500)), settings=BARE)
    assert (drawn == STYLES[WITHOUT].colour).all(axis=2).sum() > 500


@pytest.mark.parametrize("width", [320, 640, 960, 1280, 1920])
def test_an_outline_has_its_colour_at_every_size(width):
    canvas = flat(width * 9 // 16, width, 128)
    style = STYLES[WITH]
    draw_box(canvas, Box(0.3 * width, 0.1 * width, 0.6 * width, 0.4 * width), style, style.colour)
    coloured, dark = ((canvas == ink).all(axis=2).sum() for ink in (style.colour, (0, 0, 0)))
    assert coloured >= 0.9 * dark

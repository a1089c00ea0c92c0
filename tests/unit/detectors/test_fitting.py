"""Pictures that keep their shape: where they lie in the input, and where its boxes lie in them."""

import numpy as np
import pytest

from monitor.detectors.fitting import ModelInput, Resize, Resizing, neutral_colour
from monitor.detectors.preprocessing import SCALINGS

FIT, TOP_LEFT = Resizing(Resize.FIT), Resizing(Resize.FIT_TOP_LEFT)


def lies(taken: ModelInput, height: int, width: int) -> tuple[int, int, int, int]:
    place = taken.place(height, width)
    return place.top_px, place.left_px, place.height_px, place.width_px


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ((720, 1280), (11, 0, 234, 416)),  # wider than the input: padding above and below
        ((1280, 720), (0, 136, 256, 144)),  # upright: padding left and right
        ((480, 480), (0, 80, 256, 256)),
        ((512, 832), (0, 0, 256, 416)),  # the input's own shape
        ((128, 208), (0, 0, 256, 416)),
        ((1, 5000), (127, 0, 1, 416)),
        ((5000, 1), (0, 207, 256, 1)),
    ],
)
def test_a_picture_is_as_large_as_fits_and_in_the_middle(picture, expected):
    assert lies(ModelInput(256, 416, FIT), *picture) == expected


def test_an_upright_input_is_not_taken_for_a_wide_one():
    assert lies(ModelInput(416, 256, FIT), 720, 1280) == (136, 0, 144, 256)


def test_stretching_fills_the_input_and_the_top_left_stays_there():
    assert lies(ModelInput(256, 416), 1280, 720) == (0, 0, 256, 416)
    assert lies(ModelInput(320, 320, TOP_LEFT), 1280, 720) == (0, 0, 320, 180)
    assert lies(ModelInput(320, 320, TOP_LEFT), 720, 1280) == (0, 0, 180, 320)


@pytest.mark.parametrize("resizing", [Resizing(), FIT, TOP_LEFT])
@pytest.mark.parametrize("picture", [(720, 1280), (1280, 720), (333, 777), (256, 416), (61, 40)])
def test_boxes_come_back_to_where_they_were(resizing, picture):
    place = ModelInput(256, 416, resizing).place(*picture)
    box = np.array([0.1, 0.25, 0.5, 0.75], np.float32)  # of the picture; y before x
    rows, columns = place.top_px + box[[0, 2]] * place.height_px, place.left_px + box[[1, 3]] * place.width_px
    in_input = np.array([[rows[0] / 256, columns[0] / 416, rows[1] / 256, columns[1] / 416]], np.float32)
    back, inside = place.to_picture(in_input)
    np.testing.assert_allclose(back[0], box, atol=1e-5)
    assert inside.tolist() == [True]


def test_a_box_with_its_centre_in_the_padding_is_not_in_the_picture():
    place = ModelInput(256, 416, FIT).place(1280, 720)  # columns 136 to 280
    columns = [(0, 100), (100, 171), (100, 173), (300, 400), (200, 220), (270, 289), (270, 292)]
    boxes = np.array([(0.4, left / 416, 0.6, right / 416) for left, right in columns], np.float32)
    assert place.to_picture(boxes)[1].tolist() == [False, False, True, False, True, True, False]
    wide = ModelInput(256, 416, FIT).place(360, 1280)  # rows 69 to 186
    rows = [(0, 60), (60, 80), (60, 90), (170, 200), (170, 210)]
    boxes = np.array([(top / 256, 0.1, bottom / 256, 0.2) for top, bottom in rows], np.float32)
    assert wide.to_picture(boxes)[1].tolist() == [False, True, True, True, False]


def test_stretching_changes_no_box_and_removes_none():
    boxes = np.array([[-0.3, -0.2, 0.1, 0.1], [0.123, 0.456, 0.789, 0.987], [0.9, 0.9, 1.4, 1.5]], np.float32)
    moved, inside = ModelInput(256, 416).place(1280, 720).to_picture(boxes)
    np.testing.assert_array_equal(moved, boxes)
    assert inside.all()


def test_padding_is_what_the_network_takes_as_nearly_zero():
    for scaling in SCALINGS.values():
        colour = neutral_colour(scaling)
        values = scaling.values()[list(colour), [0, 1, 2]]
        assert abs(values).max() <= abs(scaling.values()).max() / 100
    assert neutral_colour(None) == (128, 128, 128)

import numpy as np
import pytest

from monitor.detectors.fitting import ModelInput, Resize, Resizing
from monitor.detectors.resize import resize_to_input
from tests.fakes import flat, noise


@pytest.mark.parametrize("size", [(1, 1), (320, 320), (720, 1280), (1280, 720), (2160, 3840), (640, 641), (37, 2000)])
def test_every_size_fits(size):
    resized = resize_to_input(flat(*size), ModelInput(320, 256))
    assert resized.shape == (320, 256, 3)
    assert resized.dtype == np.uint8


@pytest.mark.parametrize("size", [(320, 320), (720, 1280), (10, 10)])
def test_blue_green_red_becomes_red_green_blue(size):
    image = flat(*size)
    image[...] = (10, 120, 230)
    assert resize_to_input(image, ModelInput(320, 320))[5, 5].tolist() == [230, 120, 10]


def test_the_sides_are_stretched_not_cropped_and_not_swapped():
    image = flat(400, 1000, 0)
    image[:100, :] = 255  # the upper quarter
    image[:, :100] = 128  # the left tenth
    resized = resize_to_input(image, ModelInput(320, 320))
    assert resized[40, 160].min() > 240
    assert resized[200, 160].max() < 15
    assert (abs(resized[200, 16].astype(int) - 128) < 5).all()
    assert resized[200, 48].max() < 15


def test_small_detail_of_a_large_picture_does_not_alias_into_a_pattern():
    image = flat(1280, 1280, 0)
    image[::2, ::2] = 255
    image[1::2, 1::2] = 255
    resized = resize_to_input(image, ModelInput(320, 320))
    assert abs(resized.astype(int) - 127).max() <= 2


def test_the_picture_itself_is_not_changed():
    image = noise(700, 900)
    before = image.copy()
    image.setflags(write=False)
    resize_to_input(image, ModelInput(320, 320))
    resize_to_input(image, ModelInput(700, 900))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (256, 416), (720, 1280), (1280, 720), (2160, 3840), (37, 2000), (2000, 37)])
@pytest.mark.parametrize("resize", [Resize.FIT, Resize.FIT_TOP_LEFT])
def test_a_picture_in_its_own_shape_has_padding_in_red_green_blue_around_it(size, resize):
    image = flat(*size)
    image[...] = (10, 120, 230)
    target = ModelInput(256, 416, Resizing(resize, (7, 8, 9)))
    resized = resize_to_input(image, target)
    place = target.place(*size)
    rows = slice(place.top_px, place.top_px + place.height_px)
    columns = slice(place.left_px, place.left_px + place.width_px)
    assert (resized[rows, columns] == (230, 120, 10)).all()
    around = np.ones((256, 416), bool)
    around[rows, columns] = False
    assert (resized[around] == (7, 8, 9)).all()


def test_a_square_stays_square_in_an_upright_picture():
    image = flat(1280, 720, 0)
    image[600:700, 300:400] = 255
    white = np.argwhere(resize_to_input(image, ModelInput(256, 416, Resizing(Resize.FIT)))[..., 0] > 127)
    high, wide = white.max(axis=0) - white.min(axis=0) + 1
    assert high == wide == 20
    assert white.min(axis=0).tolist() == [120, 136 + 60]


def test_a_buffer_that_is_used_again_keeps_nothing_of_the_picture_before():
    target, buffer = ModelInput(256, 416, Resizing(Resize.FIT, (1, 2, 3))), np.empty((256, 416, 3), np.uint8)
    for image in (flat(720, 1280, 200), flat(1280, 720, 90), flat(400, 400, 50)):
        resized = resize_to_input(image, target, buffer)
        assert resized is buffer
        np.testing.assert_array_equal(resized, resize_to_input(image, target))

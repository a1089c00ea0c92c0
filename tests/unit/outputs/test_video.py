import numpy as np
import pytest

from monitor.outputs.video import fit
from tests.fakes import flat, noise


def test_a_picture_of_the_right_size_is_as_it_was():
    image = noise(48, 64)
    np.testing.assert_array_equal(fit(image, 64, 48), image)


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (47, 63), (1, 1)])
def test_an_odd_last_row_or_column_is_repeated(size):
    image = noise(*size)
    height, width = size[0] + size[0] % 2, size[1] + size[1] % 2
    fitted = fit(image, width, height)
    assert fitted.shape == (height, width, 3)
    np.testing.assert_array_equal(fitted[: size[0], : size[1]], image)
    np.testing.assert_array_equal(fitted[-1], fitted[size[0] - 1])
    np.testing.assert_array_equal(fitted[:, -1], fitted[:, size[1] - 1])


@pytest.mark.parametrize("size", [(96, 128), (24, 32), (480, 640)])
def test_the_same_proportions_fill_the_frame(size):
    fitted = fit(flat(*size, 200), 64, 48)
    assert fitted.shape == (48, 64, 3)
    assert (fitted == 200).all()


def test_a_tall_picture_stands_between_black():
    fitted = fit(flat(480, 240, 200), 64, 48)
    assert (fitted[:, 20:44] == 200).all()
    assert (fitted[:, :20] == 0).all()
    assert (fitted[:, 44:] == 0).all()


def test_a_wide_picture_lies_between_black():
    fitted = fit(flat(100, 400, 200), 64, 48)
    assert (fitted[16:32] == 200).all()
    assert (fitted[:16] == 0).all()
    assert (fitted[32:] == 0).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (4320, 7680), (47, 65), (49, 63)])
def test_every_picture_fits(size):
    assert fit(flat(*size), 64, 48).shape == (48, 64, 3)

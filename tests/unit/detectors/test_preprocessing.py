import numpy as np
import pytest

from monitor.detectors.preprocessing import SCALINGS, InputType, Scaling

FLOAT, UINT8, INT8 = np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.int8)


@pytest.mark.parametrize(
    ("name", "black", "white"),
    [
        ("minus_one_to_one", (-1, -1, -1), (1, 1, 1)),
        ("zero_to_one", (0, 0, 0), (1, 1, 1)),
        ("pixels", (0, 0, 0), (255, 255, 255)),
        ("channel_means", (-123.68, -116.779, -103.939), (131.32, 138.221, 151.061)),
        ("imagenet", (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225), (0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225)),
    ],
)
def test_the_ends_of_each_scaling(name, black, white):
    table = InputType(FLOAT).table(SCALINGS[name])
    assert table.dtype == np.float32
    assert table.shape == (256, 3)
    assert table[[0, 255]] == pytest.approx(np.array([black, white]), abs=1e-5)
    assert str(SCALINGS[name]) == name


def test_minus_one_to_one_is_what_was_computed_before():
    """The bundled models give the same figures to the last bit."""
    expected = np.arange(256, dtype=np.float32) * np.float32(1 / 127.5) - np.float32(1)
    for channel in SCALINGS["minus_one_to_one"].values().T:
        np.testing.assert_array_equal(channel, expected)


@pytest.mark.parametrize(
    "one", [InputType(UINT8, 1 / 127.5, 127), InputType(UINT8, 1 / 128, 128), InputType(UINT8, 2 / 255, 128)]
)
def test_pixels_are_taken_as_they_are_where_scaling_and_quantisation_cancel_out(one):
    expected = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    np.testing.assert_array_equal(one.table(SCALINGS["minus_one_to_one"]), expected)
    signed = InputType(INT8, one.scale, one.zero - 128)
    np.testing.assert_array_equal(signed.table(SCALINGS["minus_one_to_one"]), expected.astype(int) - 128)
    assert one.own_scaling() == signed.own_scaling() == SCALINGS["minus_one_to_one"]


def test_channels_of_their_own_are_quantised_each():
    table = InputType(UINT8, 1.1, 113).table(SCALINGS["channel_means"])
    assert table[124].tolist() == [113, 120, 131]  # 0.32, 7.221 and 20.061 over 1.1, and 113


@pytest.mark.parametrize("one", [InputType(UINT8, 1.0, 0), InputType(INT8, 1.0, -128)])
def test_an_input_of_another_range_takes_no_scaled_pixels(one):
    assert one.table(SCALINGS["minus_one_to_one"]) is None
    assert one.table(SCALINGS["imagenet"]) is None
    assert one.own_scaling() == SCALINGS["pixels"]


def test_a_float_input_implies_nothing():
    assert InputType(FLOAT).own_scaling() is None


def test_a_range_that_no_scaling_of_whole_pixels_has_implies_nothing():
    assert InputType(UINT8, 1.1, 113).own_scaling() is None


def test_figures_are_named_where_there_is_no_name():
    assert str(Scaling(mean=(127, 127, 127), std=(128, 128, 128))) == "mean 127, 127, 127, std 128, 128, 128"

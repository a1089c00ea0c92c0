import math

import numpy as np
import pytest

from monitor.domain.geometry import Box


def random_boxes(count, seed=0, reach=300.0):
    rng = np.random.default_rng(seed)
    for x, y, width, height in rng.uniform((-reach, -reach, 0.5, 0.5), reach, (count, 4)):
        yield Box(x, y, x + width, y + height)


def test_normalised_boxes_are_y_before_x_and_each_side_has_its_own_scale():
    # A wide frame: swapped axes or a swapped scale give another box each.
    box = Box.from_normalised(0.1, 0.2, 0.5, 0.3, width_px=1000, height_px=200)
    assert (box.x1_px, box.y1_px, box.x2_px, box.y2_px) == pytest.approx((200, 20, 300, 100))


def test_normalised_boxes_on_a_tall_frame():
    box = Box.from_normalised(0.25, 0.5, 0.75, 1.0, width_px=100, height_px=800)
    assert (box.x1_px, box.y1_px, box.x2_px, box.y2_px) == pytest.approx((50, 200, 100, 600))


def test_normalised_boxes_beyond_the_frame_are_clipped_to_each_side():
    box = Box.from_normalised(-0.5, -0.5, 1.5, 1.5, width_px=640, height_px=360)
    assert box == Box(0, 0, 640, 360)


def test_size_and_area():
    box = Box(10, 20, 40, 100)
    assert (box.width_px, box.height_px, box.area_px2) == (30, 80, 2400)


@pytest.mark.parametrize("box", [Box(5, 5, 5, 50), Box(5, 5, 50, 5), Box(50, 5, 5, 50), Box(50, 50, 5, 5)])
def test_an_empty_or_inverted_box_has_no_area(box):
    assert box.area_px2 == 0


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        (Box(10, 20, 30, 40), Box(10, 20, 30, 40)),
        (Box(-10, -20, 30, 40), Box(0, 0, 30, 40)),
        (Box(90, 40, 130, 70), Box(90, 40, 100, 50)),
        (Box(-5, -5, 105, 55), Box(0, 0, 100, 50)),
        (Box(0, 0, 100, 50), Box(0, 0, 100, 50)),
    ],
)
def test_clipping(box, clipped):
    assert box.clipped(width_px=100, height_px=50) == clipped


@pytest.mark.parametrize("box", [Box(-30, 5, -10, 20), Box(110, 5, 130, 20), Box(5, -30, 20, -10), Box(5, 60, 20, 90)])
def test_a_box_outside_the_picture_is_clipped_to_nothing(box):
    assert box.clipped(100, 50).area_px2 == 0


def test_clipping_stays_inside_and_changes_nothing_the_second_time():
    for box in random_boxes(200):
        clipped = box.clipped(100, 50)
        assert 0 <= clipped.x1_px <= clipped.x2_px <= 100
        assert 0 <= clipped.y1_px <= clipped.y2_px <= 50
        assert clipped.clipped(100, 50) == clipped
        assert clipped.area_px2 == pytest.approx(box.intersection_px2(Box(0, 0, 100, 50)))


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 15, 10), 1 / 3),
        (Box(5, 5, 15, 15), 25 / 175),
        (Box(2, 2, 4, 4), 0.04),
        (Box(10, 0, 20, 10), 0.0),
        (Box(20, 20, 30, 30), 0.0),
    ],
)
def test_intersection_over_union(other, iou):
    assert Box(0, 0, 10, 10).iou(other) == pytest.approx(iou)


def test_boxes_apart_in_both_directions_do_not_intersect():
    # Both differences negative: their product would be positive.
    assert Box(0, 0, 10, 10).intersection_px2(Box(20, 20, 30, 30)) == 0
    assert Box(20, 20, 30, 30).intersection_px2(Box(0, 0, 10, 10)) == 0


def test_iou_of_empty_boxes_is_zero():
    assert Box(3, 3, 3, 3).iou(Box(3, 3, 3, 3)) == 0


def test_iou_is_symmetric_bounded_and_one_with_itself():
    boxes = list(random_boxes(40))
    for a in boxes:
        assert a.iou(a) == pytest.approx(1)
        for b in boxes:
            assert a.iou(b) == pytest.approx(b.iou(a))
            assert 0 <= a.iou(b) <= 1 + 1e-12


def test_padding_grows_every_side_by_its_own_length():
    assert Box(100, 100, 200, 150).padded(0.1) == Box(90, 95, 210, 155)


def test_whole_pixels():
    ints = Box(1.2, 2.7, 3.4999, 4.5001).as_ints()
    assert ints == (1, 3, 3, 5)
    assert all(isinstance(value, int) for value in ints)


def test_boxes_are_values():
    assert Box(1, 2, 3, 4) == Box(1, 2, 3, 4)
    assert len({Box(1, 2, 3, 4), Box(1, 2, 3, 4)}) == 1
    with pytest.raises(AttributeError):
        Box(1, 2, 3, 4).x1_px = math.pi

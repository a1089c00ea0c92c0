"""Pictures drawn by several threads at once, as by the live view, the photo page and a replay."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from monitor.config.overlay import OverlaySettings
from monitor.domain.detection import Detection, MaskState
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.outputs.overlay import draw_detections, text_width_px

_SIZES = ((180, 320), (480, 640), (720, 1280), (1080, 1920))


def draw(size: tuple[int, int]) -> Image:
    """Draw a label on a grey picture of a height and width, its words measured anew."""
    height, width = size
    box = Box(0.3 * width, 0.3 * height, 0.6 * width, 0.8 * height)
    text_width_px.cache_clear()
    grey = np.full((height, width, 3), 128, np.uint8)
    return draw_detections(grey, [Detection(box, MaskState.WITHOUT_MASK, 0.69)], OverlaySettings())


def test_threads_that_draw_at_once_do_not_take_each_others_size() -> None:
    alone = {size: draw(size) for size in _SIZES}
    with ThreadPoolExecutor(len(_SIZES)) as threads:
        for size, drawn in zip(_SIZES * 100, threads.map(draw, _SIZES * 100), strict=True):
            assert np.array_equal(drawn, alone[size])

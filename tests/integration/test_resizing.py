"""How a model's folder says that pictures get the input's size, and what the network is then shown, on both sides."""

from pathlib import Path

import numpy as np
import pytest

from monitor.config.detector import DetectorSettings
from monitor.detectors.fitting import Resize
from monitor.detectors.opening import OpenedDetector, check_model, open_detector
from monitor.detectors.preprocessing import SCALINGS
from monitor.domain.errors import ModelError
from tests.integration.detecting import default_settings
from tests.tflite import ANCHORS, model_folder, telling

KEEPING = """model { ssd { num_classes: 3
  image_resizer { keep_aspect_ratio_resizer { min_dimension: 64 max_dimension: 64 %s } }
  feature_extractor { type: "ssd_mobilenet_v2_keras" } } }"""

PADDED = KEEPING % "pad_to_max_dimension: true"

FIXED = """model { ssd { image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
  feature_extractor { type: "ssd_mobilenet_v2_keras" } } }"""


def opened(folder: Path, backend: str = "litert") -> OpenedDetector:
    return open_detector(DetectorSettings(model=folder, backend=backend), threads=1)


def written(tmp_path: Path, *, manifest: str = "", pipeline: str = "", size: tuple[int, int] = (64, 64)) -> Path:
    return model_folder(
        tmp_path / "m", telling(SCALINGS["minus_one_to_one"], size=size), manifest=manifest, pipeline=pipeline
    )


@pytest.mark.parametrize(
    ("manifest", "pipeline", "expected"),
    [
        ("", "", Resize.STRETCH),
        ("", FIXED, Resize.STRETCH),
        ("resize: stretch\n", PADDED, Resize.STRETCH),
        ("resize: fit\n", "", Resize.FIT),
        ("resize: fit\n", FIXED, Resize.FIT),
        ("", PADDED, Resize.FIT_TOP_LEFT),
    ],
)
def test_model_yaml_is_trusted_before_the_pipeline(tmp_path, manifest, pipeline, expected):
    folder = written(tmp_path, manifest=f"preprocessing: minus_one_to_one\n{manifest}", pipeline=pipeline)
    with_input = opened(folder)
    assert with_input.input is not None
    assert with_input.input.resizing.resize is expected
    assert with_input.provenance()["resize"] == expected.value


def test_padding_is_neutral_or_what_the_pipeline_states(tmp_path):
    """The mean of what the network sees: a white square picture in an input that is twice as wide."""
    white = np.full((64, 64, 3), 255, np.uint8)
    fit = written(tmp_path, manifest="preprocessing: minus_one_to_one\nresize: fit\n", size=(64, 128))
    found = opened(fit).detector.detect([white])[0]
    assert [round(face.score, 2) for face in found] == [0.75] * len(found)  # half white, half middle grey
    assert found
    tall = np.full((64, 32, 3), 255, np.uint8)
    keeping = model_folder(tmp_path / "k", telling(SCALINGS["minus_one_to_one"], size=(64, 64)), pipeline=PADDED)
    assert {round(face.score, 2) for face in opened(keeping).detector.detect([tall])[0]} == {0.5}  # TFOD2 pads black


@pytest.mark.parametrize("size", [(80, 200), (200, 130)])
def test_boxes_lie_in_the_picture_as_in_the_input_and_those_in_the_padding_go(tmp_path, size):
    folder = written(tmp_path, manifest="preprocessing: minus_one_to_one\nresize: fit\n", size=(96, 128))
    with_input = opened(folder)
    assert with_input.input is not None
    place = with_input.input.place(*size)
    expected = set()
    for y, x, high, wide in ANCHORS:
        rows = [(y + side * high / 2) * 96 - place.top_px for side in (-1, 1)]
        columns = [(x + side * wide / 2) * 128 - place.left_px for side in (-1, 1)]
        if 0 <= sum(rows) / 2 <= place.height_px and 0 <= sum(columns) / 2 <= place.width_px:
            scale = size[0] / place.height_px, size[1] / place.width_px
            box = (*(one * scale[1] for one in columns), *(one * scale[0] for one in rows))
            limits = (size[1], size[1], size[0], size[0])
            expected.add(tuple(round(min(max(one, 0), limit)) for one, limit in zip(box, limits, strict=True)))
    found = with_input.detector.detect([np.full((*size, 3), 200, np.uint8)])[0]
    assert {tuple(map(round, (d.box.x1_px, d.box.x2_px, d.box.y1_px, d.box.y2_px))) for d in found} == expected
    assert len(expected) > 0


@pytest.mark.parametrize("kind", ["", "pad_to_max_dimension: true per_channel_pad_value: 300"])
def test_a_resizer_that_cannot_be_followed_is_refused_with_the_remedy(tmp_path, kind):
    folder = written(tmp_path, pipeline=KEEPING % kind)
    with pytest.raises(ModelError, match=r"pipeline\.config"):
        opened(folder)
    with pytest.raises(ModelError, match=r"pipeline\.config"):
        check_model(DetectorSettings(model=folder, backend="litert"))


def test_a_word_that_is_no_resize_is_refused(tmp_path):
    with pytest.raises(ModelError, match="resize"):
        opened(written(tmp_path, manifest="resize: squeeze\n"))


def test_the_bundled_models_say_how_pictures_are_resized():
    for folder in sorted(default_settings().model.parent.iterdir()):
        assert "\nresize: " in (folder / "model.yaml").read_text("utf-8"), folder

"""What a TFLite network is fed, for every preprocessing and where it may be stated, shown by networks that tell it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.config.detector import DetectorSettings
from monitor.detectors.folder import load_model_folder
from monitor.detectors.opening import OpenedDetector, check_model, open_detector
from monitor.detectors.preprocessing import SCALINGS, Scaling
from monitor.domain.detection import MaskState
from monitor.domain.errors import ModelError
from tests.tflite import LABEL_MAP, model_folder, telling

MEANS, IMAGENET = SCALINGS["channel_means"], SCALINGS["imagenet"]

PIPELINE = """model { ssd { num_classes: 3
  feature_extractor { type: "%s" depth_multiplier: 1.0 fpn { min_level: 3 } } } }
train_config { batch_size: 8 }
"""

CENTER_NET = 'model { center_net { num_classes: 3 feature_extractor { type: "hourglass_104" channel_means: 104.0 } } }'

#: Red 204, green 153, blue 51, in OpenCV's order: scores of 0.8, 0.6 and 0.2.
PICTURE = np.full((64, 96, 3), (51, 153, 204), np.uint8)


def settings(folder: Path) -> DetectorSettings:
    return DetectorSettings(model=folder, backend="litert")


def opened(folder: Path) -> OpenedDetector:
    return open_detector(settings(folder), threads=1)


def scores(folder: Path, picture: np.ndarray = PICTURE) -> dict[MaskState, float]:
    return {face.state: face.score for face in opened(folder).detector.detect([picture])[0]}


def right(tolerance: float = 1e-4) -> Any:
    expected = {MaskState.WITH_MASK: 0.8, MaskState.WITHOUT_MASK: 0.6, MaskState.INCORRECT: 0.2}
    return pytest.approx(expected, abs=tolerance)


def refused(folder: Path, *words: str) -> str:
    with pytest.raises(ModelError) as caught:
        opened(folder)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("name", SCALINGS)
def test_a_name_in_the_manifest(tmp_path: Path, name: str) -> None:
    folder = model_folder(tmp_path / "m", telling(SCALINGS[name]), manifest=f"preprocessing: {name}\n")
    assert scores(folder) == right()
    assert check_model(settings(folder)) == f"{name}, from model.yaml"
    assert opened(folder).provenance()["preprocessing"] == name


def test_figures_in_the_manifest(tmp_path: Path) -> None:
    own = Scaling(mean=(127, 126, 125), std=(128, 60, 30))
    stated = "preprocessing: {mean: [127, 126, 125], std: [128, 60, 30]}\n"
    folder = model_folder(tmp_path / "m", telling(own), manifest=stated)
    assert scores(folder) == right()
    assert check_model(settings(folder)) == "mean 127, 126, 125, std 128, 60, 30, from model.yaml"


@pytest.mark.parametrize("wrong", ["minus_one_to_one", "zero_to_one", "imagenet"])
def test_a_preprocessing_of_another_network_shows(tmp_path: Path, wrong: str) -> None:
    folder = model_folder(tmp_path / "m", telling(MEANS), manifest=f"preprocessing: {wrong}\n")
    assert scores(folder) != right(0.02)


@pytest.mark.parametrize(
    "stated",
    [
        "minus_one",
        "127.5",
        "[0, 1]",
        "{mean: [0, 0, 0]}",
        "{mean: [0, 0], std: [1, 1]}",
        "{mean: [0, 0, 0], std: [1, 0, 1]}",
        "{mean: [0, 0, .nan], std: [1, 1, 1]}",
    ],
)
def test_a_manifest_that_states_nonsense_is_refused(tmp_path: Path, stated: str) -> None:
    folder = model_folder(tmp_path / "m", telling(), manifest=f"preprocessing: {stated}\n")
    refused(folder, "model.yaml", "preprocessing")


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((127.5,), (127.5,)),
        ((123.68, 116.779, 103.939), (1.0,)),
        (IMAGENET.mean, IMAGENET.std),
    ],
)
def test_the_metadata_of_the_file(tmp_path: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    wide = [values * 3 if len(values) == 1 else values for values in (mean, std)]
    data = telling(Scaling(mean=wide[0], std=wide[1]), normalisation=(mean, std))
    folder = model_folder(tmp_path / "m", data)
    assert scores(folder) == right()
    assert check_model(settings(folder)).endswith("from the metadata of model.tflite")


def test_metadata_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", telling(normalisation=((0.0,), (0.0,))))
    refused(folder, "model.tflite", "metadata", "std")


@pytest.mark.parametrize(
    ("extractor", "name"),
    [
        ("ssd_mobilenet_v2_fpn_keras", "minus_one_to_one"),
        ("ssd_mobilenet_v2_lean_fpn_keras", "minus_one_to_one"),
        ("ssd_mobilenet_v1", "minus_one_to_one"),
        ("ssd_resnet50_v1_fpn_keras", "channel_means"),
        ("ssd_resnet152_v1_ppn", "channel_means"),
        ("ssd_efficientnet-b0_bifpn_keras", "imagenet"),
        ("ssd_efficientnet-b7_bifpn_keras", "imagenet"),
    ],
)
def test_the_extractor_in_the_pipeline(tmp_path: Path, extractor: str, name: str) -> None:
    folder = model_folder(tmp_path / "m", telling(SCALINGS[name]), pipeline=PIPELINE % extractor)
    assert scores(folder) == right()
    assert check_model(settings(folder)) == f"{name}, from pipeline.config: {extractor}"


def test_a_center_net_has_its_preprocessing_in_the_graph(tmp_path: Path) -> None:
    data = telling(SCALINGS["pixels"], post_processing=False)
    folder = model_folder(tmp_path / "m", data, pipeline=CENTER_NET)
    assert scores(folder) == right()


def test_the_manifest_is_trusted_before_the_metadata_before_the_pipeline(tmp_path: Path) -> None:
    data = telling(MEANS, normalisation=(MEANS.mean, MEANS.std))
    stated = {"pipeline": PIPELINE % "ssd_mobilenet_v2_fpn_keras"}
    assert scores(model_folder(tmp_path / "metadata", data, **stated)) == right()
    plain = telling(IMAGENET, normalisation=(MEANS.mean, MEANS.std))
    assert scores(model_folder(tmp_path / "m", plain, manifest="preprocessing: imagenet\n", **stated)) == right()


@pytest.mark.parametrize("pipeline", ["", PIPELINE % "ssd_of_my_own", "model { faster_rcnn { num_classes: 3 } }"])
def test_a_float_input_of_which_nothing_is_known_is_refused_with_the_remedy(tmp_path: Path, pipeline: str) -> None:
    folder = model_folder(tmp_path / "m", telling(), pipeline=pipeline)
    message = refused(folder, "model.tflite", "preprocessing: NAME", "model.yaml", "channel_means")
    with pytest.raises(ModelError) as caught:
        check_model(settings(folder))
    assert str(caught.value) == message


def test_a_pipeline_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    refused(model_folder(tmp_path / "m", telling(), pipeline="model { ssd {"), "pipeline.config")


def quantised(scaling: Scaling, dtype: type) -> tuple[float, int]:
    """Return the scale and zero point that cover a scaling's range."""
    values = scaling.values()
    limits = np.iinfo(dtype)
    scale = float(values.max() - values.min()) / 255
    return scale, round(limits.min - float(values.min()) / scale)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("name", SCALINGS)
def test_quantised_inputs_get_the_real_values(tmp_path: Path, name: str, dtype: type) -> None:
    scaling = SCALINGS[name]
    data = telling(scaling, dtype=dtype, quantisation=quantised(scaling, dtype))
    folder = model_folder(tmp_path / "m", data, manifest=f"preprocessing: {name}\n")
    step = quantised(scaling, dtype)[0] * max(scaling.std) / 255
    assert scores(folder) == right(1.01 * step)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("name", ["minus_one_to_one", "zero_to_one", "pixels"])
def test_a_quantised_input_over_the_whole_range_of_pixels_needs_no_statement(
    tmp_path: Path, name: str, dtype: type
) -> None:
    scaling = SCALINGS[name]
    folder = model_folder(tmp_path / "m", telling(scaling, dtype=dtype, quantisation=quantised(scaling, dtype)))
    assert scores(folder) == right(0.006)
    assert check_model(settings(folder)) == f"{name}, from the quantisation of model.tflite"


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_a_quantised_input_of_another_range_is_refused(tmp_path: Path, dtype: type) -> None:
    data = telling(MEANS, dtype=dtype, quantisation=quantised(MEANS, dtype))
    refused(model_folder(tmp_path / "unknown", data), "preprocessing: NAME")
    wrong = model_folder(tmp_path / "wrong", data, pipeline=PIPELINE % "ssd_mobilenet_v2_fpn_keras")
    refused(wrong, np.dtype(dtype).name, "range", "minus_one_to_one, from pipeline.config")


def test_uint8_without_quantisation_is_pixels(tmp_path: Path) -> None:
    data = telling(SCALINGS["pixels"], dtype=np.uint8)
    assert scores(model_folder(tmp_path / "m", data)) == right()
    refused(model_folder(tmp_path / "wrong", data, manifest="preprocessing: imagenet\n"), "range")


def test_int8_without_quantisation_is_refused(tmp_path: Path) -> None:
    refused(model_folder(tmp_path / "m", telling(SCALINGS["pixels"], dtype=np.int8)), "preprocessing: NAME")


def test_a_quantisation_that_is_none_is_refused(tmp_path: Path) -> None:
    refused(model_folder(tmp_path / "m", telling(dtype=np.uint8, quantisation=(-1.0, 0))), "quantisation")


def known(tmp_path: Path, data: bytes, manifest: str = "", **changes: str) -> Path:
    return model_folder(tmp_path / "m", data, manifest=f"preprocessing: minus_one_to_one\n{manifest}", **changes)


def test_outputs_are_known_by_their_operator(tmp_path: Path) -> None:
    """Scores of exactly 1 and 0 look like class numbers, and the tensors are numbered in another order."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[..., 1] = 255
    folder = known(tmp_path, telling(shuffled=True))
    assert scores(folder, picture) == {MaskState.WITHOUT_MASK: 1.0}


def test_outputs_of_a_center_net_are_known_by_their_names(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[..., 2] = 255
    assert scores(known(tmp_path, telling(post_processing=False)), picture) == {MaskState.WITH_MASK: 1.0}


@pytest.mark.parametrize("gain", [np.nan, np.inf])
def test_scores_that_are_not_numbers_are_a_fault_and_not_nobody(tmp_path: Path, gain: float) -> None:
    detector = opened(known(tmp_path, telling(gain=gain))).detector
    with pytest.raises(ModelError, match="not numbers"):
        detector.detect([PICTURE])


def test_scores_beyond_one_are_a_fault(tmp_path: Path) -> None:
    detector = opened(known(tmp_path, telling(gain=4.0))).detector
    with pytest.raises(ModelError, match="not between 0 and 1"):
        detector.detect([PICTURE])


def test_classes_that_are_not_whole_are_a_fault(tmp_path: Path) -> None:
    detector = opened(known(tmp_path, telling(post_processing=False, classes=(0, 0.5, 2)))).detector
    with pytest.raises(ModelError, match="whole numbers"):
        detector.detect([PICTURE])


def test_an_input_of_any_size_takes_that_of_the_manifest(tmp_path: Path) -> None:
    folder = known(tmp_path, telling(size=(1, 1), any_size=True), "input_size: [64, 96]\n")
    half = PICTURE.copy()
    half[:, 48:] = 255 - half[:, 48:]
    assert scores(folder, half) == pytest.approx(
        dict.fromkeys((MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT), 0.5), abs=0.01
    )
    assert opened(folder).signature == "float32 (1, 64, 96, 3)"


def test_an_input_of_any_size_without_one_is_refused(tmp_path: Path) -> None:
    refused(known(tmp_path, telling(size=(1, 1), any_size=True)), "input_size", "model.yaml")


def test_an_input_too_large_for_any_machine_is_refused(tmp_path: Path) -> None:
    refused(known(tmp_path, telling(size=(2, 4097))), "input (1, 2, 4097, 3) has a side below 1 or above 4096 pixels")


@pytest.mark.parametrize("name", [b"tensor0", b"tensor12"])
def test_a_tensor_whose_name_is_no_text_is_refused(tmp_path: Path, name: bytes) -> None:
    damaged = telling().replace(name, b"\xff" + name[1:])
    refused(known(tmp_path, damaged), "model.tflite", "export it again")


def test_an_input_type_that_no_export_has_is_refused(tmp_path: Path) -> None:
    refused(known(tmp_path, telling(dtype=np.float16)), "model.tflite", "float16")


GAP = "item { id: 1 name: 'with_mask' } item { id: 3 name: 'mask_weared_incorrect' }"


def test_gaps_in_the_label_map_move_no_label(tmp_path: Path) -> None:
    """Class 2 is in a gap: it is nobody's while it scores too little to count, and a fault once it counts."""
    folder = known(tmp_path, telling(), labels=GAP)
    picture = PICTURE.copy()
    picture[..., 1] = 20
    assert scores(folder, picture) == pytest.approx({MaskState.WITH_MASK: 0.8, MaskState.INCORRECT: 0.2}, abs=1e-4)
    with pytest.raises(ModelError, match=r"outputs class 2, which is not in its label map \[1, 3\]"):
        scores(folder)


@pytest.mark.parametrize(
    "labels", ["item { id: 0 name: 'background' }" + LABEL_MAP, "item { name: 'background' }" + LABEL_MAP]
)
def test_a_background_moves_no_label(tmp_path: Path, labels: str) -> None:
    assert scores(known(tmp_path, telling(), labels=labels)) == right()


def test_a_model_with_more_classes_than_the_label_map_is_refused_by_its_operator(tmp_path: Path) -> None:
    labels = "item { id: 1 name: 'with_mask' } item { id: 2 name: 'without_mask' }"
    refused(known(tmp_path, telling(), labels=labels), "has 3 classes, but its label map goes up to 2")


def test_the_bundled_models_state_their_preprocessing() -> None:
    for folder in sorted((Path(__file__).parents[2] / "models").glob("*/model.yaml")):
        chosen = settings(folder.parent)
        assert load_model_folder(folder.parent, chosen).preprocessing == SCALINGS["minus_one_to_one"]

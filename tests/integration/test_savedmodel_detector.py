"""SavedModels on TensorFlow: the default model, and small ones of every signature that TFOD2 exports."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.commands.models import accept_model, inspect_model
from monitor.config.detector import Backend
from monitor.config.loading import load_settings
from monitor.detectors.opening import OpenedDetector
from monitor.domain.detection import Detection, MaskState
from monitor.domain.errors import ModelError
from tests.integration.detecting import (
    LABEL_MAP,
    copy_of_model,
    open_accepted,
    open_changed,
    pairs,
    replace,
    sha256,
    telling_picture,
)
from tests.integration.detecting import write_saved_model as write
from tests.integration.faces import Scene

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(180)]

pytest.importorskip("tensorflow", reason="TensorFlow is not installed", exc_type=ImportError)

#: Signatures of TFOD2's exporters: kind of input, and batch.
SIGNATURES = [
    ("uint8", 1),
    ("uint8", None),
    ("float32", 1),
    ("float32", None),
    ("string", 1),
    ("string", None),
]


@pytest.fixture(scope="module")
def saved() -> OpenedDetector:
    return open_changed(backend="savedmodel", device="cpu")


def test_it_agrees_with_litert(saved: OpenedDetector, scenes: list[Scene]) -> None:
    """The same weights: the same faces at IoU 0.95 in the same state, scores within 0.02."""
    litert = open_changed(backend="litert", precision="float")
    matched = []
    for scene in scenes[::2]:
        first, second = (opened.detector.detect([scene.image])[0] for opened in (saved, litert))
        for one, other in ((first, second), (second, first)):
            some, lost = pairs(one, other, 0.4, 0.95)
            assert lost == 0
            matched += some
    assert len(matched) >= 10
    assert all(a.state is b.state for a, b in matched)
    assert max(abs(a.score - b.score) for a, b in matched) < 0.02


def test_it_sees_rgb_not_bgr(saved: OpenedDetector, scenes: list[Scene]) -> None:
    image = scenes[1].image
    swapped = np.ascontiguousarray(image[..., ::-1])
    assert saved.detector.detect([image]) != saved.detector.detect([swapped])


def test_a_batch_is_its_pictures_one_by_one(saved: OpenedDetector, scenes: list[Scene]) -> None:
    images = [scenes[0].image, np.ascontiguousarray(scenes[1].image[:500, 100:1000])]
    for together, alone in zip(
        saved.detector.detect(images), (saved.detector.detect([i])[0] for i in images), strict=True
    ):
        # TensorFlow sums a batch in another order: the last digits differ.
        assert [face.state for face in together] == [face.state for face in alone]
        assert [face.score for face in together] == pytest.approx([face.score for face in alone], abs=1e-3)
        assert all(a.box.iou(b.box) > 0.99 for a, b in zip(together, alone, strict=True))


def numbers(detections: list[Detection]) -> list[tuple[float, MaskState]]:
    return sorted((round(detection.score, 2), detection.state) for detection in detections)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int | None], Path]:
    folder = tmp_path_factory.mktemp("exports")
    return {(kind, batch): write(folder / f"{kind}-{batch}", kind, batch=batch) for kind, batch in SIGNATURES}


@pytest.mark.parametrize(("kind", "batch"), SIGNATURES)
def test_every_signature_is_recognised_and_decoded(
    written: dict[tuple[str, int | None], Path], kind: str, batch: int | None
) -> None:
    """Channels, scale, rows and columns, class numbers from one, and boxes of a picture that is not square."""
    opened = open_accepted(written[kind, batch])
    assert opened.backend is Backend.SAVEDMODEL
    assert opened.signature.startswith(kind)
    found = opened.detector.detect([telling_picture(204, 153, 255)])[0]
    by_state = {detection.state: detection for detection in found}
    assert numbers(found) == [
        (0.6, MaskState.WITHOUT_MASK),
        (0.8, MaskState.WITH_MASK),
        (1.0, MaskState.INCORRECT),
    ]
    box = by_state[MaskState.WITH_MASK].box  # [ymin, xmin, ymax, xmax] = [0.1, 0.2, 0.5, 0.4] of 40 x 80
    assert (box.x1_px, box.y1_px, box.x2_px, box.y2_px) == pytest.approx((16, 4, 32, 20), abs=1e-4)
    assert [detection.score for detection in found] == sorted((d.score for d in found), reverse=True)


@pytest.mark.parametrize(("kind", "batch"), SIGNATURES)
def test_two_pictures_are_two_is_reachable(
    written: dict[tuple[str, int | None], Path], kind: str, batch: int | None
) -> None:
    opened = open_accepted(written[kind, batch])
    images = [telling_picture(204, 153, 255), telling_picture(102, 255, 128)]
    both = opened.detector.detect(images)
    assert both == [opened.detector.detect([image])[0] for image in images]
    assert [score for score, _ in numbers(both[1])] == [0.4, 0.5, 1.0]
    assert opened.detector.detect([]) == []
    assert len(opened.detector.detect([images[0], telling_picture(1, 255, 1, 30, 30)])) == 2


def test_a_signature_of_a_fixed_size_gets_that_size(tmp_path: Path) -> None:
    opened = open_accepted(write(tmp_path / "model", "uint8", batch=None, shape=(64, 96, 3)))
    found = opened.detector.detect([telling_picture(204, 153, 204, 400, 300)])[0]
    assert [round(d.score, 2) for d in found] == pytest.approx([0.8, 0.8, 0.6], abs=0.02)


def test_two_classes_with_names_of_their_own(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", "uint8", classes=(1.0, 2.0, 2.0))
    (folder / "label_map.pbtxt").write_text("item { id: 1 name: 'ja' }\nitem { id: 2 name: 'nein' }\n", "utf-8")
    opened = open_accepted(folder, labels={"ja": "with_mask", "nein": "without_mask"})
    found = opened.detector.detect([telling_picture(204, 153, 255)])[0]
    assert {d.state for d in found} == {MaskState.WITH_MASK, MaskState.WITHOUT_MASK}


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(ModelError) as caught:
        open_accepted(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    for word in words:
        assert word in message


def test_a_signature_of_another_kind_is_refused(tmp_path: Path) -> None:
    refused(write(tmp_path / "model", "vector"), "input")


def test_another_signature_name_is_refused(tmp_path: Path) -> None:
    refused(write(tmp_path / "model", "uint8", signature_name="predict"), "serving_default")


@pytest.mark.parametrize("missing", ["detection_boxes", "detection_classes", "detection_scores", "num_detections"])
def test_a_missing_output_is_refused(tmp_path: Path, missing: str) -> None:
    refused(write(tmp_path / "model", "uint8", leave_out=(missing,)), missing)


def test_a_classifier_is_refused(tmp_path: Path) -> None:
    everything = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
    refused(write(tmp_path / "model", "uint8", leave_out=everything), "detection_boxes", "not a TFOD2 detector")


def test_a_label_map_with_a_class_too_few_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", "uint8")
    (folder / "label_map.pbtxt").write_text("\n".join(LABEL_MAP.strip().splitlines()[:2]), "utf-8")
    refused(folder, "label map")


def test_classes_counted_from_nought_are_refused(tmp_path: Path) -> None:
    refused(write(tmp_path / "model", "uint8", classes=(0.0, 1.0, 2.0)), "class 0")


def test_gaps_in_the_label_map_move_no_label(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", "uint8", classes=(1.0, 4.0, 3.0))
    labels = [(0, "background"), (1, "with_mask"), (3, "without_mask"), (4, "mask_weared_incorrect")]
    text = "".join(f"item {{ id: {class_id} name: '{name}' }}" for class_id, name in labels)
    (folder / "label_map.pbtxt").write_text(text, "utf-8")
    opened = open_accepted(folder)
    assert numbers(opened.detector.detect([telling_picture(204, 153, 255)])[0]) == [
        (0.6, MaskState.INCORRECT),
        (0.8, MaskState.WITH_MASK),
        (1.0, MaskState.WITHOUT_MASK),
    ]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"gain": float("nan")}, "not between 0 and 1"),
        ({"gain": 20.0}, "not between 0 and 1"),
        ({"box_gain": 300.0}, "not fractions of the picture"),
        ({"faces": 7.0}, "7.0 as its number of detections, of at most 3"),
        ({"faces": float("nan")}, "number of detections"),
        ({"classes": (1.0, 2.5, 3.0)}, "whole numbers"),
    ],
)
def test_outputs_that_no_detector_gives_are_refused(tmp_path: Path, broken: dict[str, Any], words: str) -> None:
    refused(write(tmp_path / "model", "uint8", **broken), words)


@pytest.mark.parametrize("content", [b"This is no model.", b"", bytes(5000)])
def test_a_corrupt_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "model", "uint8")
    (folder / "saved_model" / "saved_model.pb").write_bytes(content)
    refused(folder, "saved_model")


def test_a_graph_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", "uint8")
    graph = folder / "saved_model" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-200])
    refused(folder, "saved_model")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "damaged", sha256=None)
    replace(folder / "saved_model" / "variables" / "variables.index", b"x" * 100)
    refused(folder, "saved_model")


def test_changed_weights_are_refused_by_their_sha256(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model")
    weights = folder / "saved_model" / "variables" / "variables.data-00000-of-00001"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    replace(weights, bytes(data))
    refused(folder, "variables.data-00000-of-00001", "sha256")


def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    gpu = f"gpu:{len(tf.config.list_physical_devices('GPU'))}"
    with pytest.raises(ModelError, match=f"device {gpu}"):
        open_accepted(write(tmp_path / "model", "uint8"), device=gpu)


def test_auto_takes_tensorflow_where_there_is_no_tflite(tmp_path: Path) -> None:
    opened = open_accepted(write(tmp_path / "model", "uint8"), backend="auto")
    assert opened.backend is Backend.SAVEDMODEL


def test_a_program_that_nobody_has_accepted_is_inspected_without_being_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its graph writes a file, which shows that it ran."""
    import tensorflow as tf

    ran = tmp_path / "ran"

    class Writer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3), tf.uint8)])
        def __call__(self, input_tensor: Any) -> dict[str, Any]:
            with tf.control_dependencies([tf.io.write_file(str(ran), "ran")]):
                scores = tf.reduce_mean(tf.cast(input_tensor, tf.float32), axis=[1, 2]) / 255
            return {
                "detection_boxes": tf.tile([[[0.1, 0.1, 0.5, 0.5]]], [1, 3, 1]),
                "detection_classes": tf.constant([[1.0, 2.0, 3.0]]),
                "detection_scores": scores,
                "num_detections": tf.constant([3.0]),
            }

    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), cpu_default="float")
    writer = Writer()
    tf.saved_model.save(writer, str(folder / "saved_model"), signatures=writer.__call__.get_concrete_function())
    config = tmp_path / "config.yaml"
    config.write_text("web: {port: 81}\n", "utf-8")

    inspect_model(load_settings(config), folder, as_json=True)
    values = json.loads(capsys.readouterr().out)
    assert "ms" in values["backends"][0], "the TFLite export runs"
    assert "has not been accepted" in values["backends"][1]["error"]
    assert "not compared with the SavedModel: " in values["comparison"][0]["result"]
    with pytest.raises(ModelError, match="has not been accepted"):
        open_changed(model=folder, backend="savedmodel", device="cpu")
    assert not ran.exists()

    accept_model(folder, config)
    lines = capsys.readouterr().out.splitlines()
    assert f"{sha256(folder / 'saved_model' / 'saved_model.pb')}  saved_model/saved_model.pb" in lines
    with pytest.raises(ModelError, match="does not find the faces of the SavedModel"):
        inspect_model(load_settings(config), folder, as_json=True)
    assert ran.exists()

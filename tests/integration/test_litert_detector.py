"""The default model's TFLite exports on real faces, and files that are not what they should be."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from monitor.config.detector import Backend, Precision
from monitor.detectors.fitting import ModelInput
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.detectors.resize import resize_to_input
from monitor.detectors.score_floor import EXPORTED_FLOOR, rows_per_face, with_all_states, with_score_floor
from monitor.domain.detection import Detection, MaskState
from monitor.domain.errors import ModelError
from monitor.domain.geometry import Box
from tests.conftest import PROJECT
from tests.integration.detecting import (
    LABEL_MAP,
    copy_of_model,
    default_settings,
    open_changed,
    pairs,
    replace,
    sha256,
)
from tests.integration.faces import Scene

#: Faces that a detector surely has to see.
LARGE_PX = 60


@pytest.fixture(scope="module")
def floats() -> OpenedDetector:
    return open_changed(backend="litert", precision="float")


@pytest.fixture(scope="module")
def found(floats: OpenedDetector, scenes: list[Scene]) -> list[list[Detection]]:
    return [floats.detector.detect([scene.image])[0] for scene in scenes]


def overlap(detections: list[Detection], face: Box) -> tuple[float, float]:
    """Return the best IoU with a face, and that detection's score."""
    best = max(detections, key=lambda detection: detection.box.iou(face), default=None)
    return (0.0, 0.0) if best is None else (best.box.iou(face), best.score)


def recall(scenes: list[Scene], found: list[list[Detection]]) -> tuple[float, float]:
    """Return the share of large faces that were found, and the sum of their scores."""
    hits, faces, scores = 0, 0, 0.0
    for scene, detections in zip(scenes, found, strict=True):
        for face, _ in scene.faces:
            if face.height_px >= LARGE_PX:
                faces += 1
                iou, score = overlap(detections, face)
                if iou >= 0.5:
                    hits += 1
                    scores += score
    return hits / faces, scores


def test_it_finds_the_faces_of_the_sample(scenes: list[Scene], found: list[list[Detection]]) -> None:
    share, _ = recall(scenes, found)
    assert share >= 0.6


def test_detections_are_well_formed(scenes: list[Scene], found: list[list[Detection]]) -> None:
    thresholds = open_changed(backend="litert").folder.thresholds
    for scene, detections in zip(scenes, found, strict=True):
        assert [d.score for d in detections] == sorted((d.score for d in detections), reverse=True)
        height, width = scene.image.shape[:2]
        for detection in detections:
            box = detection.box
            assert 0 <= box.x1_px < box.x2_px <= width
            assert 0 <= box.y1_px < box.y2_px <= height
            assert thresholds[detection.state] <= detection.score <= 1


def test_it_sees_rgb_not_bgr(floats: OpenedDetector, scenes: list[Scene], found: list[list[Detection]]) -> None:
    swapped = [floats.detector.detect([np.ascontiguousarray(scene.image[..., ::-1])])[0] for scene in scenes]
    right_share, right_scores = recall(scenes, found)
    wrong_share, wrong_scores = recall(scenes, swapped)
    assert right_share > wrong_share
    assert right_scores > 1.2 * wrong_scores


@pytest.mark.parametrize(("width", "height"), [(1280, 500), (500, 720)])
def test_the_axes_are_not_swapped(floats: OpenedDetector, scenes: list[Scene], width: int, height: int) -> None:
    """A sure face in a wide and in a tall cut-out has to be where it is."""
    seen = 0
    for scene in scenes:
        for detection in floats.detector.detect([scene.image])[0]:
            box = detection.box
            if detection.score < 0.6 or box.width_px > 0.6 * width or box.height_px > 0.6 * height:
                continue
            left = int(min(max(0, box.x1_px - 0.7 * (width - box.width_px)), 1280 - width))
            top = int(min(max(0, box.y1_px - 0.2 * (height - box.height_px)), 720 - height))
            cut_out = np.ascontiguousarray(scene.image[top : top + height, left : left + width])
            moved = Box(box.x1_px - left, box.y1_px - top, box.x2_px - left, box.y2_px - top)
            seen += overlap(floats.detector.detect([cut_out])[0], moved)[0] >= 0.5
    assert seen >= 3


def test_a_batch_is_its_pictures_one_by_one(floats: OpenedDetector, scenes: list[Scene]) -> None:
    small = np.ascontiguousarray(scenes[1].image[:500, 100:1000])
    images = [scenes[0].image, small]
    assert floats.detector.detect(images) == [floats.detector.detect([image])[0] for image in images]
    assert floats.detector.detect([]) == []


def test_the_same_picture_gives_the_same_again(floats: OpenedDetector, scenes: list[Scene]) -> None:
    first = floats.detector.detect([scenes[0].image])
    floats.detector.detect([scenes[2].image])
    assert floats.detector.detect([scenes[0].image]) == first


def test_threads_change_nothing_that_matters(scenes: list[Scene], found: list[list[Detection]]) -> None:
    two = open_detector(default_settings(backend="litert", precision="float", threads=2))
    assert two.threads == 2
    for scene, detections in zip(scenes, found, strict=True):
        matched, lost = pairs(detections, two.detector.detect([scene.image])[0], 0.5, 0.95)
        assert lost == 0
        assert all(a.state is b.state and abs(a.score - b.score) < 1e-3 for a, b in matched)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (2, 3), (4320, 7680)])
def test_any_size_of_picture_is_taken(floats: OpenedDetector, shape: tuple[int, int]) -> None:
    detections = floats.detector.detect([np.full((*shape, 3), 128, np.uint8)])[0]
    assert all(d.box.x2_px <= shape[1] and d.box.y2_px <= shape[0] for d in detections)


def test_a_read_only_picture_is_left_as_it_is(floats: OpenedDetector, scenes: list[Scene]) -> None:
    image = scenes[0].image.copy()
    image.setflags(write=False)
    floats.detector.detect([image])
    assert (image == scenes[0].image).all()


def test_faces_of_an_8k_picture(floats: OpenedDetector, scenes: list[Scene]) -> None:
    """A small picture enlarged sixfold has the same faces in the same places."""
    scene = scenes[0]
    large = cv2.resize(scene.image, (7680, 4320), interpolation=cv2.INTER_CUBIC)
    before, after = floats.detector.detect([scene.image])[0], floats.detector.detect([large])[0]
    scaled = [
        Detection(Box(*(side / 6 for side in (d.box.x1_px, d.box.y1_px, d.box.x2_px, d.box.y2_px))), d.state, d.score)
        for d in after
    ]
    matched, lost = pairs(before, scaled, 0.6, 0.7)
    assert matched
    assert lost == 0


def test_int8_agrees_with_float(scenes: list[Scene], found: list[list[Detection]]) -> None:
    """Of the faces that the float model is sure of, int8 finds 9 in 10 at IoU 0.8, all in the same state."""
    int8 = open_changed(backend="litert", precision="int8")
    matched, lost = [], 0
    for scene, detections in zip(scenes, found, strict=True):
        some, missing = pairs(detections, int8.detector.detect([scene.image])[0], 0.5, 0.8)
        matched += some
        lost += missing
    assert len(matched) >= 10
    assert lost <= 0.1 * (len(matched) + lost)
    assert all(a.state is b.state for a, b in matched)
    assert max(abs(a.score - b.score) for a, b in matched) < 0.2
    assert np.mean([abs(a.score - b.score) for a, b in matched]) < 0.05


def raw_outputs(model: bytes, image: np.ndarray) -> list[np.ndarray]:
    """Return boxes, class ids and scores as the post-processing op gives them."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    _, height, width, _ = details["shape"]
    rgb = resize_to_input(image, ModelInput(height, width)).astype(np.float32) / 127.5 - 1
    interpreter.set_tensor(details["index"], rgb[np.newaxis])
    interpreter.invoke()
    outputs = sorted(interpreter.get_output_details(), key=lambda output: output["index"])
    boxes, classes, scores, count = (interpreter.get_tensor(output["index"]) for output in outputs)
    return [values[0][: int(count[0])] for values in (boxes, classes, scores)]


@pytest.mark.parametrize("floor", [0.05, 0.33])
@pytest.mark.parametrize("file", ["model.tflite", "model_int8.tflite"])
def test_a_score_floor_changes_nothing_above_it(scenes: list[Scene], file: str, floor: float) -> None:
    model = (default_settings().model / file).read_bytes()
    whole, floored, compared = with_score_floor(model, 0.0), with_score_floor(model, floor), 0
    for scene in scenes:
        everything, some = raw_outputs(whole, scene.image), raw_outputs(floored, scene.image)
        above = everything[2] >= np.float32(floor)
        assert (some[2] >= np.float32(floor)).all()
        for all_values, values in zip(everything, some, strict=True):
            np.testing.assert_array_equal(all_values[above], values)
        compared += len(some[2])
    assert compared >= 10


def test_a_face_comes_with_the_scores_of_other_states_and_the_best_one_stays(scenes: list[Scene]) -> None:
    model = (default_settings().model / "model_int8.tflite").read_bytes()
    more, detector = 0, open_changed(backend="litert", precision="int8", thresholds={}).detector
    for scene in scenes:
        best = raw_outputs(model, scene.image)[2]
        found = detector.detect([scene.image])[0]
        assert found, "each scene shows somebody"
        # The input is scaled by a table here and by division there, which rounds it otherwise.
        assert found[0].score == pytest.approx(best.max(), abs=0.02)
        assert all(max(one.scores) == one.score for one in found)
        more += sum(sum(score > 0 for score in one.scores) > 1 for one in found)
    assert more > 0


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_no_state_is_lost_with_any_number_of_threads(scenes: list[Scene], threads: int) -> None:
    """LiteRT 2.3.0's suppression within each class loses the last class with two threads."""
    low, incorrect = dict.fromkeys(("with_mask", "without_mask", "incorrect"), 0.05), 0
    one, more = (
        open_changed(backend="litert", precision="int8", thresholds=low, threads=count).detector
        for count in (1, threads)
    )
    for scene in scenes:
        expected, found = one.detect([scene.image])[0], more.detect([scene.image])[0]
        assert np.array([each.scores for each in found]) == pytest.approx(
            np.array([each.scores for each in expected]), abs=0.02
        )
        incorrect += sum(each.scores[2] > 0 for each in found)
    assert incorrect, "the last class is among them"


def test_a_model_with_a_floor_is_patched_only_where_detections_would_be_lost() -> None:
    stock = (default_settings().model / "model.tflite").read_bytes()
    exported = with_all_states(stock, EXPORTED_FLOOR)
    assert (rows_per_face(stock), rows_per_face(exported)) == (1, 3)
    for threshold in (EXPORTED_FLOOR, 0.33, 1.0):
        assert with_all_states(exported, threshold) == exported, "the rest is left out after the op"
    foreign = with_all_states(exported, 0.01)
    assert foreign != exported
    assert with_all_states(foreign, 0.01) == foreign
    assert with_all_states(foreign, 0.33) == with_all_states(stock, 0.33), "next to no floor is none"


def test_a_threshold_below_the_model_s_own_floor_loses_nothing(scenes: list[Scene], tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "foreign", sha256={})
    file = folder / "model.tflite"
    replace(file, with_all_states(file.read_bytes(), 0.6))
    thresholds = dict.fromkeys(("with_mask", "without_mask", "incorrect"), 0.3)
    settings = {"backend": "litert", "precision": "float", "thresholds": thresholds}
    whole = open_changed(**settings).detector
    floored = open_changed(model=folder, **settings).detector
    found = [whole.detect([scene.image]) for scene in scenes]
    assert [floored.detect([scene.image]) for scene in scenes] == found
    assert any(0.3 <= one.score < 0.6 for (faces,) in found for one in faces)


def test_auto_takes_litert_and_the_makers_precision() -> None:
    opened = open_changed(backend="auto", device="cpu", precision="auto")
    assert opened.backend is Backend.LITERT
    expected = {Precision.FLOAT: "model.tflite", Precision.INT8: "model_int8.tflite"}[opened.folder.cpu_default]
    assert opened.file.name == expected


def test_tensorflow_stays_out_of_the_process() -> None:
    code = """
import sys, json
from tests.integration.detecting import open_changed
import numpy as np
open_changed(backend="litert").detector.detect([np.zeros((720, 1280, 3), np.uint8)])
print(json.dumps([name for name in ("tensorflow", "keras", "torch") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
    assert done.stderr == "", "the runtime's notices are not for our users"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no such folder", str(tmp_path / "nothing"))


def refused(folder: Path, *words: str, backend: str = "litert", **changes: object) -> str:
    with pytest.raises(ModelError) as caught:
        open_changed(model=folder, backend=backend, **changes)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"))
    data = bytearray((folder / "model.tflite").read_bytes())
    data[len(data) // 2] ^= 1
    replace(folder / "model.tflite", bytes(data))
    refused(folder, "model.tflite", "sha256", precision="float")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_a_tflite_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    """Without a sha256 to tell, the file itself has to; loading it in another process shows that none crashes."""
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), sha256=None)
    data = (folder / "model.tflite").read_bytes()
    replace(folder / "model.tflite", data[: int(len(data) * share)])
    refused_in_a_process(folder, "model.tflite")


@pytest.mark.parametrize("content", [b"This is no model.\n" * 500, bytes(100_000), b"\x1c\0\0\0TFL3" + bytes(9000)])
def test_what_is_no_tflite_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), sha256=None)
    replace(folder / "model.tflite", content)
    refused_in_a_process(folder, "model.tflite")


def refused_in_a_process(folder: Path, word: str) -> None:
    code = f"""
from pathlib import Path
from monitor.domain.errors import ModelError
from tests.integration.detecting import open_changed
try:
    open_changed(model=Path({str(folder)!r}), backend="litert")
except ModelError as error:
    print(error)
else:
    print("taken")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert word in done.stdout
    assert done.stdout != "taken\n"


def test_a_label_map_with_a_class_too_few_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"))
    replace(folder / "label_map.pbtxt", "\n".join(LABEL_MAP.strip().splitlines()[:2]))
    refused(folder, "label", precision="float")


def test_a_label_map_with_a_class_too_many_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"))
    replace(folder / "label_map.pbtxt", LABEL_MAP + "item { id: 4 name: 'no_mask' }\n")
    refused(folder, "label", precision="float")


def test_an_unknown_label_is_refused_unless_the_settings_say_what_it_means(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), states=None)
    replace(folder / "label_map.pbtxt", LABEL_MAP.replace("'without_mask'", "'bare'"))
    message = refused(folder, "label_map.pbtxt", "'bare'", "detector.labels")
    assert "<" not in message
    opened = open_changed(model=folder, backend="litert", labels={"bare": "without_mask"})
    assert opened.folder.states[2] is MaskState.WITHOUT_MASK


@pytest.mark.parametrize(
    ("content", "word"),
    [("", "label_map"), ("hello", "label_map"), ("item { id: 0 name: 'x' }", "below 1"), ("item {", "not a label map")],
)
def test_a_broken_label_map_is_refused(tmp_path: Path, content: str, word: str) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"))
    replace(folder / "label_map.pbtxt", content)
    refused(folder, "label_map.pbtxt", word)


def test_a_missing_label_map_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("label_map.pbtxt",))
    refused(folder, "label_map.pbtxt", "no such file")


@pytest.mark.parametrize(
    "content", ["- a\n", "name: [", "nam: x\n", "input_size: [1, 2, 3]\n", "thresholds: {no: 2}\n"]
)
def test_a_broken_manifest_is_refused(tmp_path: Path, content: str) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model",))
    replace(folder / "model.yaml", content)
    message = refused(folder, "model.yaml")
    assert "unsupported operand" not in message


def test_an_empty_manifest_is_as_good_as_none(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model",))
    replace(folder / "model.yaml", "# nothing yet\n")
    assert open_changed(model=folder, backend="litert").folder.name == "model"


def test_a_manifest_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model",), input_size=[123, 456])
    refused(folder, "tflite", "123")


def test_a_listed_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model")
    (folder / "model.tflite").unlink()
    refused(folder, "model.tflite", "missing", str(folder))


def test_a_folder_without_exports_is_refused(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model", "model.tflite", "model_int8.tflite"))
    refused(folder, "neither", str(folder))


def test_a_gpu_is_not_promised_by_litert() -> None:
    with pytest.raises(ModelError, match="LiteRT runs on the CPU"):
        open_changed(backend="litert", device="gpu")


def test_the_manifest_names_every_file_of_the_shipped_model() -> None:
    """What is in the repository is what was measured."""
    opened = open_changed(backend="litert")
    folder = opened.folder
    exports = [*(folder.path / "saved_model").rglob("*"), *folder.path.glob("*.tflite")]
    files = {path.relative_to(folder.path).as_posix() for path in exports if path.is_file()}
    assert files <= set(folder.sha256)
    assert all(sha256(folder.path / name) == digest for name, digest in folder.sha256.items())

"""Detectors on real faces, and model folders made for a test."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from monitor.config.detector import DetectorSettings
from monitor.config.loading import load_settings
from monitor.detectors.acceptance import saved_model_sha256
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.domain.detection import Detection
from tests.conftest import PROJECT

LABEL_MAP = """
item { id: 1 name: 'with_mask' }
item { id: 2 name: 'without_mask' }
item { id: 3 name: 'mask_weared_incorrect' }
"""


def default_settings(**changes: Any) -> DetectorSettings:
    """Return the shipped configuration's detector, with changes."""
    settings = load_settings(PROJECT / "config.yaml").detector
    return DetectorSettings.model_validate(settings.model_dump() | changes)


def open_changed(**changes: Any) -> OpenedDetector:
    return open_detector(default_settings(**changes), threads=1)


def open_accepted(model: Path, **changes: Any) -> OpenedDetector:
    """Open a SavedModel of the test's own on the CPU."""
    accepted = (saved_model_sha256(model / "saved_model"),)
    return open_changed(
        model=model, **{"backend": "savedmodel", "device": "cpu", "accepted_sha256": accepted} | changes
    )


def copy_of_model(target: Path, *, without: tuple[str, ...] = (), **manifest: Any) -> Path:
    """Return a folder with the default model's files as links, and its manifest changed (None takes a key out)."""
    model = default_settings().model
    target.mkdir(parents=True)
    for file in sorted(path for path in model.rglob("*") if path.is_file()):
        name = file.relative_to(model)
        if name.parts[0] in without or name.name == "model.yaml":
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(file)
    values = yaml.safe_load((model / "model.yaml").read_text("utf-8"))
    values["sha256"] = {name: sha for name, sha in values.get("sha256", {}).items() if (target / name).exists()}
    values |= manifest
    kept = {key: value for key, value in values.items() if value is not None}
    (target / "model.yaml").write_text(yaml.safe_dump(kept), "utf-8")
    return target


def replace(path: Path, data: bytes | str) -> None:
    """Put other content in the place of a link."""
    path.unlink()
    if isinstance(data, str):
        path.write_text(data, "utf-8")
    else:
        path.write_bytes(data)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pairs(
    first: list[Detection], second: list[Detection], min_score: float, min_iou: float
) -> tuple[list[tuple[Detection, Detection]], int]:
    """Match the sure faces of the first list with the second; return the pairs and how many found no match."""
    matched, lost = [], 0
    for detection in first:
        if detection.score < min_score:
            continue
        best = max(second, key=lambda other: detection.box.iou(other.box), default=None)
        if best is None or detection.box.iou(best.box) < min_iou:
            lost += 1
        else:
            matched.append((detection, best))
    return matched, lost


def write_saved_model(
    folder: Path,
    kind: str,
    *,
    batch: int | None = 1,
    classes: tuple[float, ...] = (1.0, 2.0, 3.0),
    leave_out: tuple[str, ...] = (),
    signature_name: str = "serving_default",
    shape: tuple[int | None, int | None, int | None] = (None, None, 3),
    gain: float = 1.0,
    box_gain: float = 1.0,
    faces: float = 3.0,
) -> Path:
    """Write a TFOD2-shaped model folder whose boxes are constant and whose scores tell what it was shown.

    Of three faces, the scores are the mean red, the mean green, and the top left pixel's red, each 0..1: so a wrong
    channel order, scale, or order of rows and columns shows. `gain` and `box_gain` multiply scores and boxes, `faces`
    is the stated number of detections: for models that are broken.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    boxes = box_gain * tf.constant([[0.1, 0.2, 0.5, 0.4], [0.2, 0.6, 0.8, 0.9], [0.6, 0.1, 0.9, 0.3]], tf.float32)

    def outputs(images: Any) -> dict[str, Any]:
        floats = tf.cast(images, tf.float32) / 255
        count = tf.shape(floats)[0]
        means = tf.reduce_mean(floats, axis=[1, 2])
        scores = gain * tf.stack([means[:, 0], means[:, 1], floats[:, 0, 0, 0]], axis=1)
        values = {
            "detection_boxes": tf.tile(boxes[tf.newaxis], [count, 1, 1]),
            "detection_classes": tf.tile(tf.constant([classes], tf.float32), [count, 1]),
            "detection_scores": scores,
            "num_detections": tf.fill([count], faces),
        }
        return {name: value for name, value in values.items() if name not in leave_out} or {"nothing": scores}

    class Model(tf.Module):
        @tf.function
        def image(self, input_tensor):
            return outputs(input_tensor)

        @tf.function
        def encoded(self, input_tensor):
            decoded = tf.map_fn(
                lambda data: tf.io.decode_image(data, 3, expand_animations=False),
                input_tensor,
                fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
            )
            return outputs(decoded)

        @tf.function
        def vector(self, input_tensor):
            return outputs(tf.reshape(input_tensor, [1, 2, 2, 3]))

    model = Model()
    if kind == "string":
        concrete = model.encoded.get_concrete_function(tf.TensorSpec([batch], tf.string, "input_tensor"))
    elif kind == "vector":
        concrete = model.vector.get_concrete_function(tf.TensorSpec([12], tf.float32, "input_tensor"))
    else:
        spec = tf.TensorSpec([batch, *shape], getattr(tf, kind), "input_tensor")
        concrete = model.image.get_concrete_function(spec)
    folder.mkdir(parents=True, exist_ok=True)
    tf.saved_model.save(model, str(folder / "saved_model"), signatures={signature_name: concrete})
    (folder / "label_map.pbtxt").write_text(LABEL_MAP, "utf-8")
    return folder


def telling_picture(red: int, green: int, corner: int, height: int = 40, width: int = 80) -> np.ndarray:
    """Return a BGR picture with this mean red and green, and this red in the top left block (kept by halving)."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2], image[..., 1], image[..., 0] = red, green, 250
    image[0, 0, 2] = corner
    return image

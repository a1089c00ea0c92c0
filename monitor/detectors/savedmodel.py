"""TFOD2 SavedModels (`exporter_main_v2`) on TensorFlow, CPU or GPU."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from monitor.detectors.decode import decode, least_score
from monitor.detectors.fitting import ModelInput, Resizing
from monitor.detectors.folder import ModelFolder
from monitor.detectors.quiet import native_notices_hidden
from monitor.detectors.resize import resize_to_input
from monitor.detectors.rows import checked_rows
from monitor.domain.detection import Detection
from monitor.domain.errors import ModelError
from monitor.domain.frame import Image

_OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")


class SavedModelDetector:
    """The `serving_default` signature of a SavedModel, with any of TFOD2's inputs.

    Image tensor (uint8 or float, (B, H, W, 3) RGB 0..255) and encoded string tensor ((B,) of PNG bytes) are
    distinguished by the signature; B is 1 or free. If `model.yaml` names the model's input size, pictures are resized
    to it first as `resizing` states: the graph would resize anyway, and less data is transferred. Raises `ModelError`
    if the model cannot be loaded or does not fit the folder.
    """

    def __init__(self, folder: ModelFolder, device: str, resizing: Resizing, threads: int | None) -> None:
        saved_model = folder.saved_model
        if saved_model is None:
            raise ModelError(f"{folder.path}: contains no saved_model/; use backend litert or export it")
        for file in sorted(path for path in saved_model.rglob("*") if path.is_file()):
            folder.verify(file)
        self._tf = _tensorflow(threads)
        self._folder, self._file = folder, saved_model
        self.device = _device(self._tf, device)
        try:
            with native_notices_hidden(), self._tf.device(self.device):
                self._model = self._tf.saved_model.load(str(saved_model))
        except (OSError, ValueError, RuntimeError, KeyError, self._tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{saved_model}: TensorFlow cannot load it; export it again: {reason}") from error
        self._signature = _serving(saved_model, self._model)
        folder.check_class_count(saved_model, _class_counts(self._signature.structured_outputs))
        self._input_name, spec = _image_input(saved_model, self._signature)
        self._dtype = spec.dtype
        self.batch_size: int | None = spec.shape[0]
        self.signature = f"{spec.dtype.name} ({', '.join('any' if side is None else str(side) for side in spec.shape)})"
        size = _fixed_size(spec) or folder.input_size
        self.input = None if size is None else ModelInput(*size, resizing)
        # A first inference on noise detects a label map that does not fit, and builds the graph.
        self.detect([np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)])

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each picture (H x W x 3, uint8, BGR), best score first, boxes in its pixels.

        Raises `ModelError` if inference fails.
        """
        fitted = [self._fitted(image) for image in images]
        if self.batch_size is None and len({image.shape for image in fitted}) == 1:
            return self._run(images, fitted)
        return [self._run([image], [small])[0] for image, small in zip(images, fitted, strict=True)]

    def close(self) -> None:
        """Release the model."""
        del self._model, self._signature

    def _fitted(self, image: Image) -> Image:
        if self.input is None:
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
        return resize_to_input(image, self.input)

    def _run(self, images: Sequence[Image], fitted: Sequence[Image]) -> list[list[Detection]]:
        tf = self._tf
        with tf.device(self.device):
            if self._dtype == tf.string:
                batch = tf.constant([cv2.imencode(".png", image[..., ::-1])[1].tobytes() for image in fitted])
            else:
                batch = tf.constant(np.stack(fitted), dtype=tf.uint8)
                batch = tf.cast(batch, self._dtype)
            try:
                raw = self._signature(**{self._input_name: batch})
            except tf.errors.OpError as error:
                reason = " ".join(str(error).split())[:300]
                raise ModelError(f"{self._folder.path}: inference failed: {reason}") from error
        outputs = [raw[name].numpy() for name in _OUTPUTS]
        if any(output.shape[:1] != (len(images),) for output in outputs):
            shapes = [output.shape for output in outputs]
            raise ModelError(f"{self._file}: outputs of shapes {shapes} are not those of {len(images)} pictures")
        return [self._decode(image, *one) for image, *one in zip(images, *outputs, strict=True)]

    def _decode(self, image: Image, boxes: Any, classes: Any, scores: Any, count: Any) -> list[Detection]:
        size, folder = image.shape[:2], self._folder
        placement = (self.input or ModelInput(*size)).place(*size)
        rows = checked_rows(self._file, boxes, classes, scores, count, least_score(folder.thresholds))
        folder.check_class_ids(self._file, rows.class_ids, rows.scores)
        found = (rows.boxes, rows.class_ids, rows.scores)
        return decode(*found, placement, folder.states, folder.thresholds, folder.calibration)


def _tensorflow(threads: int | None) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # hides its notices from users
    try:
        with native_notices_hidden():
            import tensorflow as tf

            gpus = tf.config.list_physical_devices("GPU")
    except ImportError as error:
        raise ModelError(
            "backend savedmodel needs TensorFlow, which is not installed: run scripts/run --with tensorflow"
        ) from error
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            break  # TensorFlow already runs: growth was set when it started
    if threads is not None and tf.config.threading.get_intra_op_parallelism_threads() != threads:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError as error:
            raise ModelError(f"TensorFlow is already running with another thread count than {threads}") from error
    return tf


def _device(tf: Any, device: str) -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if device == "cpu" or (device == "auto" and not gpus):
        return "/CPU:0"
    index = int(device.partition(":")[2] or 0)
    if index >= len(gpus):
        raise ModelError(f"device {device}: TensorFlow finds {len(gpus)} GPU(s); use device: auto or cpu")
    return f"/GPU:{index}"


def _serving(path: Path, model: Any) -> Any:
    signature = getattr(model, "signatures", {}).get("serving_default")
    if signature is None:
        raise ModelError(f"{path}: has no 'serving_default' signature; export it with exporter_main_v2")
    if missing := [name for name in _OUTPUTS if name not in signature.structured_outputs]:
        found = ", ".join(sorted(signature.structured_outputs)) or "none"
        raise ModelError(
            f"{path}: does not output {', '.join(missing)} (it outputs {found}); it is not a TFOD2 detector"
        )
    return signature


def _class_counts(outputs: Any) -> set[int]:
    """Return how many classes the graph has, from the outputs with a score for each class and the background."""
    named = [outputs[name] for name in ("detection_multiclass_scores", "raw_detection_scores") if name in outputs]
    return {int(spec.shape[-1]) - 1 for spec in named if spec.shape.rank and spec.shape[-1] is not None}


def _image_input(path: Path, signature: Any) -> tuple[str, Any]:
    inputs: dict[str, Any] = signature.structured_input_signature[1]
    if len(inputs) == 1:
        name, spec = next(iter(inputs.items()))
        kind = spec.dtype.name
        if (kind == "string" and spec.shape.rank == 1) or (kind in ("uint8", "float32") and spec.shape.rank == 4):
            return name, spec
    found = {name: f"{spec.dtype.name} {spec.shape}" for name, spec in inputs.items()}
    raise ModelError(f"{path}: input {found} is not one of TFOD2's: image tensor or encoded image string tensor")


def _fixed_size(spec: Any) -> tuple[int, int] | None:
    """Return the height and width in pixels that the signature requires, or None."""
    if spec.shape.rank != 4 or spec.shape[1] is None or spec.shape[2] is None:
        return None
    return int(spec.shape[1]), int(spec.shape[2])

"""Runs a detection checkpoint directly, as the reference for its exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monitor.detectors.decode import decode
from monitor.detectors.fitting import ModelInput
from monitor.detectors.resize import resize_to_input
from monitor.domain.detection import Detection, MaskState
from monitor.domain.frame import Image
from monitor.training import tfod
from monitor.training.errors import TrainingError


class CheckpointDetector:
    """The `Detector` port over a TFOD2 model in memory; see `open_checkpoint`."""

    def __init__(self, model: Any, taken: ModelInput, states: Mapping[int, MaskState], floor: float) -> None:
        """`taken` is the model's input; `states` by 1-based class id; scores under `floor` are dropped."""
        import tensorflow as tf

        self._taken = taken
        self._states = states
        self._thresholds = dict.fromkeys(MaskState, floor)
        shape = tf.constant([[taken.height_px, taken.width_px, 3]])

        @tf.function  # type: ignore[untyped-decorator]
        def run(image: Any) -> Any:
            return model.postprocess(model.predict(model.feature_extractor.preprocess(image), shape), shape)

        self._run = run

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each picture (H x W x 3, uint8, BGR), best score first."""
        return [self._one(image) for image in images]

    def _one(self, image: Image) -> list[Detection]:
        raw = self._run(resize_to_input(image, self._taken)[None].astype(np.float32))
        boxes, classes, scores = (raw[f"detection_{name}"].numpy()[0] for name in ("boxes", "classes", "scores"))
        placement = self._taken.place(*image.shape[:2])
        return decode(boxes, classes.astype(np.int64) + 1, scores, placement, self._states, self._thresholds)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def open_checkpoint(
    model_config: Any, checkpoint: Path, taken: ModelInput, states: Mapping[int, MaskState], floor: float
) -> CheckpointDetector:
    """Build the pipeline's model, restore the checkpoint and run it with the input `taken`.

    Raises:
        TrainingError: the checkpoint does not fit the pipeline.
    """
    tfod.load()
    import tensorflow as tf
    from object_detection.builders import model_builder

    model = model_builder.build(model_config, is_training=False)
    shape = [taken.height_px, taken.width_px, 3]
    model.predict(tf.zeros((1, *shape)), tf.constant([shape]))
    restore(model, checkpoint)
    return CheckpointDetector(model, taken, states, floor)


def restore(model: Any, checkpoint: Path) -> None:
    """Load a checkpoint's weights into a built model.

    The checkpoint may be a training one, or the `saved_model/variables/variables` of an export: this package's, which
    keeps the model under `model`, or TFOD2's stock exporter's, which keeps it under `_model`.

    Raises:
        TrainingError: there is no such checkpoint, it does not fit the model, or its weights are not finite.
    """
    import tensorflow as tf

    try:
        stock = any(name.startswith("_model/") for name, _ in tf.train.list_variables(str(checkpoint)))
        tree = tf.train.Checkpoint(**{"_model" if stock else "model": model})
        tree.read(str(checkpoint)).expect_partial().assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        raise TrainingError(f"{checkpoint}: cannot be loaded into the pipeline's model ({reason})") from error
    demand_finite(model.variables, str(checkpoint))


def demand_finite(variables: Sequence[Any], where: str) -> None:
    """Raise `TrainingError` if a weight is not a finite number: such a detector finds nothing, without any error."""
    for variable in variables:
        if not np.isfinite(variable.numpy()).all():
            raise TrainingError(
                f"{where}: weights of {variable.name} are not finite numbers; train again from an earlier checkpoint, "
                "with a lower learning rate"
            )


def blend(model_config: Any, checkpoints: Sequence[Path], out_dir: Path) -> Path:
    """Write the mean of several checkpoints of one training as `out_dir/ckpt-1`.

    Weights from different steps of one run lie in the same basin of the loss; their mean often generalises slightly
    better than each of them.

    Raises:
        TrainingError: there are none, or one does not fit the pipeline.
    """
    if not checkpoints:
        raise TrainingError("no checkpoints to blend")
    tfod.load()
    import tensorflow as tf
    from object_detection.builders import model_builder

    resizer = model_config.ssd.image_resizer.fixed_shape_resizer
    shape = [int(resizer.height), int(resizer.width), 3]
    model = model_builder.build(model_config, is_training=False)
    model.predict(tf.zeros((1, *shape)), tf.constant([shape]))
    total = [np.zeros(variable.shape, np.float64) for variable in model.variables]
    for checkpoint in checkpoints:
        restore(model, checkpoint)
        total = [sums + variable.numpy() for sums, variable in zip(total, model.variables, strict=True)]
    for variable, sums in zip(model.variables, total, strict=True):
        variable.assign((sums / len(checkpoints)).astype(variable.dtype.as_numpy_dtype))
    out_dir.mkdir(parents=True, exist_ok=True)
    return Path(tf.train.Checkpoint(model=model).save(str(out_dir / "ckpt")))

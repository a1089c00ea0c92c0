"""Knowledge distillation: a detector is trained with the output of another one with the same anchors.

Annotations only state whether there is a face; a teacher gives a probability at every anchor of every view. A smaller
network that starts close to the teacher learns its output without overfitting the pictures (Hinton, Vinyals and Dean
2015; the weighting by the distance of the two scores is that of Li et al. 2020, Quality Focal Loss).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitor.detectors.folder import SAVED_MODEL
from monitor.detectors.pipeline_config import PIPELINE
from monitor.training.checkpoint import restore
from monitor.training.pipelines import read_model_config

#: Weight of the box loss relative to the score loss, as in the pipelines.
_BOX_WEIGHT = 1.5


class Teacher:
    """A trained detector whose output is the target of another one."""

    def __init__(self, folder: Path) -> None:
        """Build the model of an exported model folder, from its pipeline and the variables of its SavedModel.

        Raises:
            TrainingError: one of them is missing, or they do not fit each other.
        """
        config = read_model_config(folder / PIPELINE).model
        import tensorflow as tf
        from object_detection.builders import model_builder

        resizer = config.ssd.image_resizer.fixed_shape_resizer
        shape = [int(resizer.height), int(resizer.width), 3]
        self._model = model_builder.build(config, is_training=False)
        self._model.predict(tf.zeros([1, *shape]), tf.constant([shape]))
        restore(self._model, folder / SAVED_MODEL / "variables/variables")

    def step(self, student: Any, features: Any, optimiser: Any) -> dict[str, Any]:
        """Train the student on one batch; return its losses by TFOD2's names.

        Args:
            student: TFOD2's model, built; its variables change.
            features: `image` float32 (N, H, W, 3) in -1..1 and `true_image_shape` int32 (N, 3).
            optimiser: a Keras optimiser.
        """
        import tensorflow as tf

        images, shapes = features["image"], features["true_image_shape"]
        teacher = self._model.predict(images, shapes)
        target = tf.stop_gradient(tf.sigmoid(teacher[_SCORES]))
        confidence = tf.reduce_max(target[..., 1:], axis=-1)  # the first is the background, which is zero in TFOD2
        faces = tf.maximum(tf.reduce_sum(confidence), 1.0)
        with tf.GradientTape() as tape:
            output = student.predict(images, shapes)
            distance = tf.square(tf.sigmoid(output[_SCORES]) - target)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=output[_SCORES])
            scores = tf.reduce_sum(distance * entropy) / faces
            error = tf.abs(output[_BOXES] - tf.stop_gradient(teacher[_BOXES]))
            smooth = tf.where(error < 1.0, 0.5 * tf.square(error), error - 0.5)
            boxes = _BOX_WEIGHT * tf.reduce_sum(confidence * tf.reduce_mean(smooth, axis=-1)) / faces
            decay = tf.add_n(student.regularization_losses())
            total = scores + boxes + decay
        variables = student.trainable_variables
        optimiser.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return {
            "Loss/localization_loss": boxes,
            "Loss/classification_loss": scores,
            "Loss/regularization_loss": decay,
            "Loss/total_loss": total,
        }


_SCORES, _BOXES = "class_predictions_with_background", "box_encodings"

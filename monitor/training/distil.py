"""Teaching a detector by another one that has the same anchors, in place of the annotations.

Where the annotations say whether a face is there, a teacher says how sure one can be, at every anchor of every view; a
smaller network that starts near it learns its judgement without learning the pictures by heart (Hinton, Vinyals and
Dean 2015; the weighting by the distance of the two scores is that of Li et al. 2020, Quality Focal Loss).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitor.detectors.folder import SAVED_MODEL
from monitor.training.checkpoint import restore
from monitor.training.loop import PIPELINE, read_model_config

#: Weight of the boxes beside that of the scores, as in the pipelines' own loss.
_BOX_WEIGHT = 1.5


class Teacher:
    """A trained detector that says what another one should have said."""

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

    def step(self, pupil: Any, features: Any, optimiser: Any) -> dict[str, Any]:
        """Train the pupil by one batch; returns its losses by TFOD2's names.

        Args:
            pupil: TFOD2's model, built; its variables change.
            features: `image` float32 (N, H, W, 3) in -1..1 and `true_image_shape` int32 (N, 3).
            optimiser: a Keras optimiser.
        """
        import tensorflow as tf

        images, shapes = features["image"], features["true_image_shape"]
        told = self._model.predict(images, shapes)
        wanted = tf.stop_gradient(tf.sigmoid(told[_SCORES]))
        sure = tf.reduce_max(wanted[..., 1:], axis=-1)  # the first is "nobody", which TFOD2 keeps at zero
        faces = tf.maximum(tf.reduce_sum(sure), 1.0)
        with tf.GradientTape() as tape:
            said = pupil.predict(images, shapes)
            wrong = tf.square(tf.sigmoid(said[_SCORES]) - wanted)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=said[_SCORES])
            scores = tf.reduce_sum(wrong * entropy) / faces
            apart = tf.abs(said[_BOXES] - tf.stop_gradient(told[_BOXES]))
            smooth = tf.where(apart < 1.0, 0.5 * tf.square(apart), apart - 0.5)
            boxes = _BOX_WEIGHT * tf.reduce_sum(sure * tf.reduce_mean(smooth, axis=-1)) / faces
            decay = tf.add_n(pupil.regularization_losses())
            total = scores + boxes + decay
        variables = pupil.trainable_variables
        optimiser.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return {
            "Loss/localization_loss": boxes,
            "Loss/classification_loss": scores,
            "Loss/regularization_loss": decay,
            "Loss/total_loss": total,
        }


_SCORES, _BOXES = "class_predictions_with_background", "box_encodings"

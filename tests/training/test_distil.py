"""Knowledge distillation: a student learns the output of a teacher."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from monitor.training.checkpoint import restore
from monitor.training.distil import Teacher
from monitor.training.errors import TrainingError
from monitor.training.pipelines import read_model_config

FOLDER = Path(__file__).resolve().parents[2] / "models/ssd-mobilenet-v2-fpnlite-832x576"


@pytest.mark.timeout(300)
def test_a_student_approaches_the_teacher():
    teacher = Teacher(FOLDER)
    import tensorflow as tf
    from object_detection.builders import model_builder

    student = model_builder.build(read_model_config(FOLDER / "pipeline.config").model, is_training=True)
    student.predict(tf.zeros([1, 128, 128, 3]), tf.constant([[128, 128, 3]]))
    restore(student, FOLDER / "saved_model/variables/variables")
    views = np.random.default_rng(1).uniform(-1, 1, (2, 128, 128, 3)).astype(np.float32)
    features = {"image": tf.constant(views), "true_image_shape": tf.constant([[128, 128, 3]] * 2)}
    optimiser = tf.keras.optimizers.legacy.Adam(1e-3)

    same = teacher.step(student, features, tf.keras.optimizers.legacy.SGD(0.0))
    assert float(same["Loss/classification_loss"]) == pytest.approx(0, abs=1e-4)
    assert float(same["Loss/localization_loss"]) == pytest.approx(0, abs=1e-4)

    chance = np.random.default_rng(2)
    for variable in student.trainable_variables:
        if "kernel" in variable.name:
            value = variable.numpy()
            variable.assign(value + 0.1 * value.std() * chance.normal(size=value.shape))
    losses = [teacher.step(student, features, optimiser) for _ in range(12)]
    totals = [float(one["Loss/classification_loss"] + one["Loss/localization_loss"]) for one in losses]
    assert totals[0] > 1e-2
    assert totals[-1] < 0.5 * totals[0]


def test_a_folder_without_its_weights_is_refused(tmp_path: Path):
    shutil.copy(FOLDER / "pipeline.config", tmp_path / "pipeline.config")
    with pytest.raises(TrainingError, match="variables"):
        Teacher(tmp_path)
    with pytest.raises(TrainingError, match="cannot be read"):
        Teacher(tmp_path / "nothing")

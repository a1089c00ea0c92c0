"""A TFLite backbone becomes the start of a detector, and computes there what it did in its file."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="TFOD2 is not installed: see docs/training.md")

from monitor.training import tfod
from monitor.training.errors import TrainingError
from monitor.training.pretrained import FILTER_LENGTH, balanced, convert

pytestmark = pytest.mark.filterwarnings("ignore")

PIPELINE = Path(__file__).with_name("pipeline.config")


def backbone_of(pipeline, checkpoint=None):
    """The pipeline's backbone, fresh or from a checkpoint."""
    import tensorflow as tf
    from object_detection.builders import model_builder

    from monitor.training.pipelines import read_model_config

    model = model_builder.build(read_model_config(pipeline).model, is_training=False)
    model.predict(tf.zeros((1, 96, 96, 3)), tf.constant([[96, 96, 3]]))
    backbone = model.feature_extractor.classification_backbone
    if checkpoint is not None:
        reader = tf.train.Checkpoint(feature_extractor=backbone).read(str(checkpoint))
        reader.expect_partial().assert_existing_objects_matched()
    return backbone


def test_filters_come_to_one_length_and_dead_ones_stay():
    rng = np.random.default_rng(0)
    for shape, depthwise, axes in (((1, 1, 8, 5), False, (0, 1, 2)), ((3, 3, 5, 1), True, (0, 1, 3))):
        kernel = rng.normal(size=shape).astype(np.float32)
        at = (slice(None), slice(None), 2) if depthwise else (..., 2)
        kernel[at] = 0.0
        even, length = balanced(kernel, depthwise)
        sizes = np.sqrt(np.square(even).sum(axis=axes))
        assert np.allclose(np.delete(sizes, 2), FILTER_LENGTH, atol=1e-5)
        assert length[2] == 1.0
        assert sizes[2] == 0.0
        back = length.reshape((1, 1, -1, 1) if depthwise else (1, 1, 1, -1))
        assert np.allclose(even * back, kernel, atol=1e-6)


@pytest.mark.timeout(180)
def test_a_tflite_backbone_computes_the_same_as_a_start(tmp_path):
    tfod.load()
    import tensorflow as tf

    pipeline = tmp_path / "pipeline.config"
    shutil.copy(PIPELINE, pipeline)
    source = backbone_of(pipeline)
    rng = np.random.default_rng(1)
    for variable in source.variables:  # statistics that folding has something to do with
        if "moving_variance" in variable.name or "gamma" in variable.name:
            variable.assign(rng.uniform(0.5, 2.0, variable.shape))
        elif "beta" in variable.name:
            variable.assign(rng.normal(0.5, 0.5, variable.shape))
        elif "kernel" in variable.name:
            fan_in = float(np.prod(variable.shape[:2])) * (1 if "depthwise" in variable.name else variable.shape[2])
            variable.assign(rng.normal(0.0, np.sqrt(2.0 / fan_in), variable.shape))
    fixed = tf.keras.Model(source.inputs, source.outputs)
    concrete = tf.function(lambda image: fixed(image, training=False)).get_concrete_function(
        tf.TensorSpec((1, 96, 96, 3))
    )
    file = tmp_path / "backbone.tflite"
    file.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], fixed).convert())

    pictures = [rng.integers(0, 256, (96, 96, 3), dtype=np.uint8) for _ in range(8)]
    done = convert(file, pipeline, pictures, tmp_path / "start")
    assert done.filled > 50
    assert not done.left_random
    start = backbone_of(pipeline, done.checkpoint)
    batch = np.stack(pictures).astype(np.float32) * (2.0 / 255.0) - 1.0
    for wanted, got in zip(source(batch, training=False), start(batch, training=False), strict=True):
        assert np.allclose(wanted, got, atol=1e-2 * float(np.abs(wanted).max()))

    other = tmp_path / "other.config"
    other.write_text(PIPELINE.read_text().replace("depth_multiplier: 0.35", "depth_multiplier: 0.5"))
    with pytest.raises(TrainingError, match="does not fit the pipeline's backbone"):
        convert(file, other, pictures, tmp_path / "no")
    file.write_bytes(b"no model")
    with pytest.raises(TrainingError, match="is not a TFLite model"):
        convert(file, pipeline, pictures, tmp_path / "no")

"""Prepare, run, resume, export, evaluate: a few steps on a few pictures through the real TFOD2."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("object_detection", reason="TFOD2 is not installed: see docs/training.md")

from monitor.cli import app
from monitor.domain.errors import ModelError
from monitor.training.errors import TrainingError
from monitor.training.own_exports import accepted_models

# Keras, TensorFlow and the Object Detection API warn of each other; none of it is ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

PIPELINE = Path(__file__).with_name("pipeline.config")


def command(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def tensor_types(tflite, name):
    """The types of a TFLite file's tensors with this in their names."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(tflite))
    return {tensor["dtype"] for tensor in interpreter.get_tensor_details() if name in tensor["name"]}


def convolutions(tflite):
    """How many convolutions of a TFLite file have weights of which type."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite.read_bytes(), 0))
    kinds = {getattr(schema.BuiltinOperator, name): name for name in ("CONV_2D", "DEPTHWISE_CONV_2D")}
    types = {schema.TensorType.FLOAT32: "float", schema.TensorType.INT8: "int8"}
    graph = model.subgraphs[0]
    return Counter(
        (kinds[kind], types[graph.tensors[operator.inputs[1]].type])
        for operator in graph.operators
        if (kind := model.operatorCodes[operator.opcodeIndex].builtinCode) in kinds
    )


@pytest.mark.timeout(900)
def test_from_pictures_to_a_model_folder(voc, tmp_path, monkeypatch):
    import numpy as np
    import tensorflow as tf

    from monitor.config.detector import Backend, DetectorSettings
    from monitor.detectors.opening import open_detector
    from monitor.training.loop import Trainer

    pipeline = tmp_path / "pipeline.config"
    shutil.copy(PIPELINE, pipeline)
    output = command("train", "prepare", voc, "--out", tmp_path / "records", "--views", 8, "--view-size", 96)
    assert "train: 6 pictures (0 without a face)" in output
    assert (tmp_path / "records" / "statistics.png").stat().st_size > 0

    run = ["train", "run", "--pipeline", pipeline, "--run-dir", tmp_path / "run", "--save-every", 2, "--eval-every", 4]
    command(*run, "--steps", 2)
    assert (tmp_path / "run" / "ckpt-2.index").is_file()
    output = command(*run)
    assert "step 4" in output
    assert [path.name for path in sorted((tmp_path / "run").glob("ckpt-*.index"))] == ["ckpt-2.index", "ckpt-4.index"]
    best = tmp_path / "run" / "best"
    assert json.loads((best / "evaluation.json").read_text())["step"] in (2, 4)
    assert list((tmp_path / "run" / "train").glob("events*"))
    averages = [tmp_path / "run" / "averages" / step / "ckpt-1" for step in ("2", "4")]
    command("train", "blend", *averages, "--pipeline", pipeline, "--out", tmp_path / "blend")
    name = next(name for name, shape in tf.train.list_variables(str(averages[0])) if len(shape) == 4)
    parts = [tf.train.load_variable(str(path), name) for path in averages]
    assert np.allclose(tf.train.load_variable(str(tmp_path / "blend" / "ckpt-1"), name), np.mean(parts, 0), atol=1e-6)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    model = tmp_path / "model"
    words = ["--name", "tiny", "--training-data", "drawn faces", "--licence", "Apache-2.0", "--size", "128x96"]
    command("export", "--pipeline", pipeline, "--checkpoint", best / "ckpt-1", "--data", voc, "--out", model, *words)
    manifest = yaml.safe_load((model / "model.yaml").read_text())
    assert manifest["input_size"] == [96, 128]
    assert manifest["preprocessing"] == "minus_one_to_one"
    assert manifest["resize"] == "fit"
    assert set(manifest["measured"]["map50_by_file"]) == {
        "checkpoint",
        "saved_model",
        "model.tflite",
        "model_int8.tflite",
    }
    assert "## Figures" in (model / "MODEL_CARD.md").read_text()
    assert tensor_types(model / "model_int8.tflite", "convert_scores") == {np.float32}
    kinds = convolutions(model / "model_int8.tflite")
    assert 1 <= kinds["CONV_2D", "float"] <= 3, "those that give scores, one a level"
    assert 1 <= kinds["DEPTHWISE_CONV_2D", "float"] <= 3
    assert kinds["CONV_2D", "int8"] > 30
    assert kinds["DEPTHWISE_CONV_2D", "int8"] > 15

    with pytest.raises(ModelError, match="has not been accepted"):
        open_detector(DetectorSettings(model=model, backend=Backend.SAVEDMODEL))
    for backend in ("litert", "savedmodel"):
        figures = json.loads(command("evaluate", model, voc, "--backend", backend, "--json"))
        assert {"map50", "map", "ap50", "precision", "recall"} <= set(figures)
    assert not [name for name, _ in tf.train.list_variables(str(best / "ckpt-1")) if "step" in name]
    start = model / "saved_model" / "variables" / "variables"
    words = f'batch_size: 2 fine_tune_checkpoint: "{start}" fine_tune_checkpoint_type: "full"'
    pipeline.write_text(PIPELINE.read_text().replace("batch_size: 2", words))
    again = Trainer(pipeline, tmp_path / "again")
    trained = tf.train.load_variable(str(best / "ckpt-1"), name)
    assert any(np.array_equal(variable.numpy(), trained) for variable in again.variables)

    pictures = [np.zeros((40, 60, 3), np.uint8)] * 3
    opened = open_detector(DetectorSettings(model=model, backend=Backend.SAVEDMODEL, accepted_sha256=accepted_models()))
    assert len(opened.detector.detect(pictures)) == 3
    served = tf.saved_model.load(str(model / "saved_model")).signatures["serving_default"]
    assert served(input_tensor=tf.zeros((3, 50, 70, 3), tf.uint8))["detection_boxes"].shape == (3, 100, 4)


def test_a_checkpoint_of_another_model_is_refused(voc, tmp_path):
    import tensorflow as tf

    from monitor.training.loop import Trainer

    command("train", "prepare", voc, "--out", tmp_path / "records")
    tf.train.Checkpoint(model=tf.train.Checkpoint(x=tf.Variable(1.0))).save(str(tmp_path / "other"))
    pipeline = tmp_path / "pipeline.config"
    words = f'fine_tune_checkpoint: "{tmp_path / "other-1"}" fine_tune_checkpoint_type: "full"'
    pipeline.write_text(PIPELINE.read_text().replace("batch_size: 2", f"batch_size: 2 {words}"))
    with pytest.raises(TrainingError, match="cannot be loaded"):
        Trainer(pipeline, tmp_path / "run")
    pipeline.write_text(pipeline.read_text().replace("other-1", "none-1"))
    with pytest.raises(TrainingError, match="no such checkpoint"):
        Trainer(pipeline, tmp_path / "run")

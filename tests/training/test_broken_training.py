"""Training whose data or weights cannot give a result."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="TFOD2 is not installed: see docs/training.md")

from monitor.training.checkpoint import restore
from monitor.training.dataset import open_dataset
from monitor.training.errors import TrainingError
from monitor.training.labels import DEFAULT_STATES
from monitor.training.loop import Trainer
from monitor.training.prepare import PrepareSettings, prepare
from monitor.training.records import write_pictures
from monitor.training.run import RunSettings, train

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own


@pytest.fixture
def pipeline(voc, tmp_path) -> Path:
    prepare(voc, tmp_path / "records", PrepareSettings())
    shutil.copy(Path(__file__).with_name("pipeline.config"), tmp_path / "pipeline.config")
    return tmp_path / "pipeline.config"


def test_val_without_a_face_is_refused_before_training(voc, tmp_path, pipeline):
    nobody = open_dataset(voc).read(["p7"], DEFAULT_STATES).annotations
    for pictures in (nobody, ()):
        write_pictures(tmp_path / "records" / "val.record", pictures, list(DEFAULT_STATES))
        with pytest.raises(
            TrainingError, match=rf"val\.record: {len(pictures)} picture\(s\) without an annotated face"
        ):
            train(pipeline, tmp_path / "run", RunSettings(), DEFAULT_STATES)
    assert not list((tmp_path / "run").glob("ckpt*"))


def test_an_empty_train_record_is_refused(tmp_path, pipeline):
    write_pictures(tmp_path / "records" / "train.record", (), list(DEFAULT_STATES))
    with pytest.raises(TrainingError, match=r"train\.record: has no pictures"):
        Trainer(pipeline, tmp_path / "run")


@pytest.mark.timeout(300)
def test_weights_that_are_no_longer_numbers_end_training_and_are_not_loaded(tmp_path, pipeline):
    trainer = Trainer(pipeline, tmp_path / "run")
    variable = next(one for one in trainer.variables if "kernel" in one.name)
    variable.assign(np.full(variable.shape, np.nan, np.float32))
    with pytest.raises(TrainingError, match=r"not finite numbers|no longer a number"):
        trainer.run(1)
    trainer.save()
    with pytest.raises(TrainingError, match="not finite numbers"):
        Trainer(pipeline, tmp_path / "run")
    trainer.save_average(tmp_path / "average")
    with pytest.raises(TrainingError, match=r"ckpt-1: weights of .* are not finite numbers"):
        restore(trainer.model, tmp_path / "average" / "ckpt-1")

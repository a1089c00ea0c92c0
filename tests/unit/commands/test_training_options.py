"""The words of `train`, `evaluate` and `export`; none of this needs TensorFlow."""

import importlib.util

import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.domain.errors import ModelError
from monitor.training.errors import TrainingError
from tests.conftest import PROJECT

PREPARE = "train prepare voc --out data"
EXPORT = "export --pipeline p --checkpoint c --data d --out o --name n --training-data t --licence l"
MODEL = PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"{PREPARE} --frame x", "WIDTHxHEIGHT"),
        (f"{PREPARE} --scale 5", "--scale"),
        (f"{PREPARE} --scale 2-1", "LOW-HIGH"),
        (f"{PREPARE} --shares 1,2", "2 shares for 3 classes"),
        (f"{PREPARE} --shares a,b,c", "--shares"),
        (f"{PREPARE} --label foo", "NAME=STATE"),
        ("train init b --pipeline p --data d --out o --label foo", "NAME=STATE"),
        ("train run --pipeline p --run-dir r --eval-size 5", "WIDTHxHEIGHT"),
        ("evaluate model voc --label foo", "NAME=STATE"),
        ("evaluate model voc --backend tpu", "litert"),
        ("evaluate model voc --precision int4", "int8"),
        (f"{EXPORT} --size 5x5", "multiples of 32"),
        (f"{EXPORT} --size 64x64 --cpu-default auto", "int8"),
    ],
)
def test_options_that_cannot_be_understood_are_wrong_usage(command, words):
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2
    assert words in done.stderr


def test_the_model_is_looked_at_before_the_pictures():
    for models in (["nowhere"], [str(MODEL), "--against", "nowhere"]):
        done = CliRunner().invoke(app, ["evaluate", models[0], "no-pictures", *models[1:]])
        assert isinstance(done.exception, ModelError)
        assert "nowhere: no such folder" in str(done.exception)
    done = CliRunner().invoke(app, ["evaluate", str(MODEL), "no-pictures"])
    assert isinstance(done.exception, TrainingError)
    assert str(done.exception) == "no-pictures: no such folder"


def test_without_pycocotools_nothing_is_judged_and_a_command_brings_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(app, ["evaluate", str(MODEL), "no-pictures"])
    assert isinstance(done.exception, TrainingError)
    assert str(done.exception).endswith("run scripts/run --with evaluate")

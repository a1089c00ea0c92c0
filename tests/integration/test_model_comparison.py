"""`models inspect` where there is no TensorFlow to run the SavedModel with."""

import sys
from pathlib import Path

import pytest

from monitor.commands.model_comparison import compare
from monitor.commands.models import inspect_model
from monitor.config.settings import Settings
from monitor.detectors.folder import load_model_folder
from tests.integration.detecting import copy_of_model, default_settings


def test_without_tensorflow_it_is_said_that_nothing_was_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    folder = copy_of_model(tmp_path / "model", without=("model_int8.tflite",), cpu_default="float")
    settings = default_settings(model=folder)
    (row,) = compare(settings, load_model_folder(folder, settings))
    assert (row["file"], row["agrees"]) == ("model.tflite", None)
    assert row["result"].startswith("model.tflite: not compared with the SavedModel: ")
    assert row["result"].endswith("run scripts/run --with tensorflow")
    inspect_model(Settings(), folder, as_json=True)
    assert "not compared with the SavedModel" in capsys.readouterr().out


def test_without_a_savedmodel_there_is_nothing_to_compare(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model", without=("saved_model",))
    settings = default_settings(model=folder)
    assert compare(settings, load_model_folder(folder, settings)) == []

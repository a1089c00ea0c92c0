import sys

import pytest

from monitor.config.detector import DetectorSettings
from monitor.detectors.acceptance import saved_model_sha256
from monitor.detectors.opening import open_detector
from monitor.domain.errors import ModelError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "label_map.pbtxt").write_text("item { id: 1 name: 'mask' }")
    return tmp_path


def open_with(folder, **settings):
    return open_detector(DetectorSettings(model=folder, **settings), threads=1)


def test_litert_without_a_tflite_export_is_refused(folder):
    (folder / "saved_model").mkdir()
    (folder / "saved_model" / "saved_model.pb").touch()
    with pytest.raises(ModelError, match="no TFLite export"):
        open_with(folder, backend="litert")


def test_a_precision_that_is_not_there_is_refused(folder):
    (folder / "model.tflite").touch()
    with pytest.raises(ModelError, match="int8"):
        open_with(folder, backend="litert", precision="int8")


@pytest.mark.parametrize("device", ["gpu", "gpu:1"])
def test_litert_on_a_gpu_is_refused_with_the_remedy(folder, device):
    (folder / "model.tflite").touch()
    with pytest.raises(ModelError, match="savedmodel"):
        open_with(folder, backend="litert", device=device)


def test_savedmodel_without_one_is_refused_before_tensorflow_is_loaded(folder):
    (folder / "model.tflite").touch()
    with pytest.raises(ModelError, match="contains no saved_model"):
        open_with(folder, backend="savedmodel")


def test_savedmodel_without_tensorflow_names_the_command_that_brings_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    (folder / "saved_model").mkdir()
    (folder / "saved_model" / "saved_model.pb").touch()
    accepted = [saved_model_sha256(folder / "saved_model")]
    with pytest.raises(ModelError, match=r"run scripts/run --with tensorflow$"):
        open_with(folder, backend="savedmodel", accepted_sha256=accepted)


def test_a_folder_that_is_not_there(folder):
    with pytest.raises(ModelError, match="no such folder"):
        open_with(folder / "none")

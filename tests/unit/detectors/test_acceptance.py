"""A SavedModel is a program: it is refused, before TensorFlow is loaded, until its hash is accepted."""

import hashlib
import shutil
import subprocess
import sys

import pytest

from monitor.config.detector import DetectorSettings
from monitor.detectors.acceptance import demand_accepted, is_accepted, saved_model_sha256, shipped
from monitor.detectors.opening import check_model, open_detector
from monitor.domain.errors import ModelError
from tests.conftest import PROJECT

MODELS = sorted(path for path in (PROJECT / "models").iterdir() if (path / "saved_model").is_dir())


@pytest.fixture
def folder(tmp_path):
    """A model folder of somebody else's, with a SavedModel alone."""
    folder = tmp_path / "model"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "label_map.pbtxt").write_text("item { id: 1 name: 'mask' }")
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(b"weights")
    return folder


def test_the_models_of_the_project_are_known():
    assert MODELS
    assert {saved_model_sha256(path / "saved_model") for path in MODELS} == shipped()


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_they_are_also_known_as_a_copy(model, tmp_path):
    shutil.copytree(model / "saved_model", tmp_path / "copy")
    demand_accepted(tmp_path / "copy", DetectorSettings())


@pytest.mark.parametrize("ask", [open_detector, check_model])
def test_another_is_refused_with_the_line_that_accepts_it(folder, monkeypatch, ask):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    saved_model, older = folder / "saved_model", "a" * 64
    settings = DetectorSettings(model=folder, backend="savedmodel", accepted_sha256=(older,))
    with pytest.raises(ModelError, match="has not been accepted") as refused:
        ask(settings)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(f"accepted_sha256: [{older}, {saved_model_sha256(saved_model)}]")
    accepted = settings.model_copy(update={"accepted_sha256": (older, saved_model_sha256(saved_model))})
    assert is_accepted(saved_model, accepted)
    assert check_model(accepted) == "in the SavedModel's graph"
    with pytest.raises(ModelError, match="needs TensorFlow"):
        open_detector(accepted)


@pytest.mark.parametrize("change", ["content", "weights", "name", "more", "less"])
def test_every_file_and_its_name_counts(folder, change):
    saved_model = folder / "saved_model"
    accepted = DetectorSettings(accepted_sha256=(saved_model_sha256(saved_model),))
    index = saved_model / "variables" / "variables.index"
    match change:
        case "content":
            (saved_model / "saved_model.pb").write_bytes(b"other")
        case "weights":
            index.write_bytes(b"other")
        case "name":
            index.rename(index.with_name("other"))
        case "more":
            (saved_model / "assets").mkdir()
            (saved_model / "assets" / "words").touch()
        case "less":
            index.unlink()
    assert not is_accepted(saved_model, accepted)


def test_the_hash_can_be_computed_without_the_program(folder):
    command = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    said = subprocess.run(
        ["sh", "-c", command], cwd=folder / "saved_model", capture_output=True, text=True, check=True
    ).stdout
    assert said.split()[0] == saved_model_sha256(folder / "saved_model")


def test_a_folder_that_is_a_link_hides_nothing(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "saved_model" / "assets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=r"assets: is a link; copy the folder itself$"):
        is_accepted(folder / "saved_model", DetectorSettings())


def test_a_file_that_is_a_link_counts_with_what_it_points_to(folder, tmp_path):
    before = saved_model_sha256(folder / "saved_model")
    file = folder / "saved_model" / "saved_model.pb"
    (tmp_path / "blob").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(tmp_path / "blob")
    assert saved_model_sha256(folder / "saved_model") == before
    (tmp_path / "blob").write_bytes(b"other")
    assert saved_model_sha256(folder / "saved_model") != before


def test_a_tflite_file_is_data_and_needs_no_acceptance(folder, monkeypatch):
    """The SavedModel beside it is not even looked at."""
    (folder / "model.tflite").write_bytes(hashlib.sha256().digest())
    with pytest.raises(ModelError) as refused:
        open_detector(DetectorSettings(model=folder, backend="litert"))
    assert "accepted" not in str(refused.value)

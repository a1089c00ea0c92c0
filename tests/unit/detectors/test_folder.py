import hashlib
import re

import numpy as np
import pytest

from monitor.config.detector import DetectorSettings, Precision
from monitor.detectors.folder import DEFAULT_THRESHOLD, load_model_folder, sha256_of
from monitor.domain.errors import ModelError
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT

LABELS = (
    "item { id: 1 name: 'with_mask' } item { id: 2 name: 'without_mask' } item { id: 3 name: 'mask_weared_incorrect' }"
)


@pytest.fixture
def make(tmp_path):
    def make_folder(labels=LABELS, manifest=None, files=("model.tflite",)):
        folder = tmp_path / "a-model"
        folder.mkdir()
        if labels is not None:
            (folder / "label_map.pbtxt").write_text(labels)
        if manifest is not None:
            (folder / "model.yaml").write_bytes(manifest.encode() if isinstance(manifest, str) else manifest)
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(name.encode())
        return folder

    return make_folder


def load(folder, **settings):
    return load_model_folder(folder, DetectorSettings(model=folder, **settings))


def test_a_folder_with_the_least_that_is_needed(make):
    folder = load(make())
    assert folder.name == "a-model"
    assert folder.labels == {1: "with_mask", 2: "without_mask", 3: "mask_weared_incorrect"}
    assert folder.states == {1: WITH, 2: WITHOUT, 3: INCORRECT}
    assert folder.thresholds == dict.fromkeys((WITH, WITHOUT, INCORRECT), DEFAULT_THRESHOLD)
    assert folder.input_size is None
    assert folder.saved_model is None


def test_what_the_manifest_says_arrives(make):
    folder = load(
        make(
            manifest="name: My model\ninput_size: [240, 320]\nthresholds: {incorrect: 0.6}\ncpu_default: int8\n"
            "training_data: photos\nlicence: CC0\nmeasured: {map50: 0.4}\n"
        )
    )
    assert (folder.name, folder.input_size, folder.cpu_default) == ("My model", (240, 320), Precision.INT8)
    assert (folder.training_data, folder.licence, folder.measured) == ("photos", "CC0", {"map50": 0.4})
    assert folder.thresholds == {WITH: DEFAULT_THRESHOLD, WITHOUT: DEFAULT_THRESHOLD, INCORRECT: 0.6}


def test_the_settings_thresholds_stand_above_the_manifests(make):
    folder = load(make(manifest="thresholds: {incorrect: 0.6, with_mask: 0.5}"), thresholds={"incorrect": 0.9})
    assert folder.thresholds == {WITH: 0.5, WITHOUT: DEFAULT_THRESHOLD, INCORRECT: 0.9}


def test_labels_of_their_own_are_told_by_the_settings_before_the_manifest_before_the_known(make):
    labels = "item { id: 1 name: 'mask' } item { id: 2 name: 'bare' } item { id: 3 name: 'hand' }"
    folder = load(
        make(labels, manifest="states: {mask: incorrect, bare: without_mask, hand: with_mask}"),
        labels={"hand": "unknown"},
    )
    assert folder.states == {1: INCORRECT, 2: WITHOUT, 3: UNKNOWN}


@pytest.mark.parametrize("where", ["known", "manifest", "settings"])
def test_a_label_may_be_known_by_its_display_name(make, where):
    word = "no_mask" if where == "known" else "bare"
    path = make(
        f"item {{ id: 1 name: '/m/0bare' display_name: '{word}' }} item {{ id: 2 name: 'mask' display_name: 'Maske' }}",
        manifest="states: {bare: without_mask}" if where == "manifest" else None,
    )
    folder = load(path, labels={"bare": "without_mask"} if where == "settings" else {})
    assert folder.labels == {1: word, 2: "mask"}
    assert folder.states == {1: WITHOUT, 2: WITH}


def test_two_names_of_one_label_that_mean_different_states_are_refused(make):
    with pytest.raises(ModelError, match=r"'mask'.*'no_mask'.*different states"):
        load(make("item { id: 1 name: 'mask' display_name: 'no_mask' }"))


def test_names_are_compared_in_unicodes_composed_form(make):
    path = make("item { id: 1 name: 'masqu\u00e9' }", manifest="states: {masque\u0301: with_mask}")
    assert load(path).states == {1: WITH}
    assert load(path, labels={"masque\u0301": "incorrect"}).states == {1: INCORRECT}


def test_a_meaning_of_a_label_that_is_not_in_the_map_is_refused(make):
    path = make("item { id: 1 name: 'mask' }", manifest="states: {msk: incorrect}")
    with pytest.raises(ModelError, match=r"label_map\.pbtxt: has no label 'msk', .* states in model\.yaml"):
        load(path)
    (path / "model.yaml").unlink()
    with pytest.raises(ModelError, match=r"has no label 'Mask', .* detector\.labels"):
        load(path, labels={"Mask": "incorrect"})


def test_two_classes_are_enough(make):
    folder = load(make("item { id: 1 name: 'mask' } item { id: 2 name: 'no_mask' }"))
    assert folder.states == {1: WITH, 2: WITHOUT}


def test_a_label_that_nothing_explains_is_refused_with_the_remedy(make):
    with pytest.raises(ModelError, match=r"'chin'.*detector\.labels.*with_mask"):
        load(make("item { id: 1 name: 'with_mask' } item { id: 2 name: 'chin' }"))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        load(tmp_path / "none")


def test_a_file_in_its_place(tmp_path):
    path = tmp_path / "model.tflite"
    path.touch()
    with pytest.raises(ModelError, match="is not a folder"):
        load(path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
        load(tmp_path)


def test_a_folder_without_a_label_map(make):
    with pytest.raises(ModelError, match=r"label_map\.pbtxt: no such file"):
        load(make(labels=None))


def test_a_folder_without_a_model(make):
    with pytest.raises(ModelError, match="contains neither"):
        load(make(files=()))


def test_a_saved_model_folder_without_its_graph_is_no_model(make):
    with pytest.raises(ModelError, match="contains neither"):
        load(make(files=("saved_model/fingerprint.pb",)))


def test_a_saved_model(make):
    path = make(files=("saved_model/saved_model.pb",))
    folder = load(path)
    assert folder.saved_model == path / "saved_model"
    assert folder.tflite(Precision.AUTO) is None


@pytest.mark.parametrize(
    "manifest",
    [
        "name: [1",
        "- a list",
        "just words",
        "",
        "# all lines commented out\n",
        "name: ''",
        "nmae: x",
        "input_size: [320]",
        "input_size: [8, 320]",
        "input_size: big",
        "cpu_default: auto",
        "thresholds: {unknown: 0.5}",
        "thresholds: {with_mask: 1.5}",
        "states: {with_mask: masked}",
        "sha256: {model.tflite: abc}",
        "measured: {day: 2020-13-45}",
        "measured: !!python/object:x {}",
        b"\xff\xfe",
        b"name: \x07",
    ],
)
def test_a_broken_manifest_is_named(make, manifest):
    if manifest in ("", "# all lines commented out\n"):
        assert load(make(manifest=manifest)).name == "a-model"
        return
    with pytest.raises(ModelError, match=r"model\.yaml") as caught:
        load(make(manifest=manifest))
    assert "\n" not in str(caught.value)


def test_a_file_named_in_the_manifest_that_is_missing(make):
    with pytest.raises(ModelError, match=r"saved_model/x\.pb .*missing"):
        load(make(manifest=f"sha256: {{saved_model/x.pb: '{'0' * 64}'}}"))


def test_which_tflite_export_is_taken(make):
    path = make(files=("model.tflite", "model_int8.tflite"), manifest="cpu_default: int8")
    folder = load(path)
    assert folder.tflite(Precision.AUTO) == path / "model_int8.tflite"
    assert folder.tflite(Precision.FLOAT) == path / "model.tflite"
    assert folder.tflite(Precision.INT8) == path / "model_int8.tflite"


@pytest.mark.parametrize("default", ["float", "int8"])
@pytest.mark.parametrize("only", ["model.tflite", "model_int8.tflite"])
def test_the_only_tflite_export_is_taken_whatever_the_maker_prefers(make, default, only):
    path = make(files=(only,), manifest=f"cpu_default: {default}")
    assert load(path).tflite(Precision.AUTO) == path / only


def test_an_export_that_is_not_there_is_not_replaced_by_the_other(make):
    assert load(make(files=("model.tflite",))).tflite(Precision.INT8) is None


def test_verifying_a_file(make):
    digest = hashlib.sha256(b"model.tflite").hexdigest()
    path = make(manifest=f"sha256: {{model.tflite: {digest}}}", files=("model.tflite", "other.bin"))
    folder = load(path)
    folder.verify(path / "model.tflite")
    folder.verify(path / "other.bin")  # nothing is said of it
    (path / "model.tflite").write_bytes(b"model.tflitf")
    with pytest.raises(ModelError, match=r"model\.tflite: is damaged or was changed"):
        folder.verify(path / "model.tflite")


def ids(*values):
    return np.array(values, np.int64)


def test_a_class_in_a_gap_of_the_label_map_is_a_fault_only_where_it_counts(make):
    folder = load(make("item { id: 1 name: 'mask' } item { id: 4 name: 'no_mask' }"))
    file = folder.path / "model.tflite"
    folder.check_class_ids(file, ids(1, 4, 2), np.array([0.9, 0.5, DEFAULT_THRESHOLD - 0.01], np.float32))
    with pytest.raises(ModelError, match=r"outputs class 2, which is not in its label map \[1, 4\]"):
        folder.check_class_ids(file, ids(1, 2), np.array([0.9, DEFAULT_THRESHOLD + 0.01], np.float32))


@pytest.mark.parametrize("class_id", [-1, 0, 4])
def test_a_class_beyond_the_label_map_is_a_fault_whatever_it_scores(make, class_id):
    folder = load(make())
    with pytest.raises(ModelError, match=f"outputs class {class_id}"):
        folder.check_class_ids(folder.path / "model.tflite", ids(class_id), np.array([0.01], np.float32))


def test_sha256_of_a_file(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    with pytest.raises(ModelError, match="cannot be read"):
        sha256_of(tmp_path / "none")

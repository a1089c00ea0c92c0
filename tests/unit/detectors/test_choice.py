from pathlib import Path

import pytest

from monitor.config.detector import DetectorSettings
from monitor.detectors.choice import Candidate, choose, shipped_models, without_auto
from monitor.domain.errors import ModelError

LARGE = Candidate(Path("large"), "large", 0.65, 14.0)
SMALL = Candidate(Path("small"), "small", 0.54, 60.0)
WORSE = Candidate(Path("worse"), "worse", 0.50, 55.0)


@pytest.mark.parametrize(
    ("wanted_per_s", "expected"),
    [(0.0, LARGE), (10.0, LARGE), (14 / 1.3, LARGE), (10.8, SMALL), (40.0, SMALL), (60.0, SMALL), (1000.0, SMALL)],
)
def test_the_most_accurate_that_is_fast_enough_else_the_fastest(wanted_per_s, expected):
    for candidates in ([LARGE, SMALL, WORSE], [WORSE, SMALL, LARGE]):
        assert choose(candidates, wanted_per_s) is expected


def test_the_fastest_is_taken_for_its_speed_and_not_its_accuracy():
    assert choose([LARGE, Candidate(Path("tiny"), "tiny", 0.1, 90.0), SMALL], 80.0).name == "tiny"


def folder(place: Path, name: str, map50: object) -> None:
    path = place / name
    path.mkdir(parents=True)
    (path / "model.tflite").write_bytes(b"")
    (path / "label_map.pbtxt").write_text("item { id: 1 name: 'with_mask' }")
    (path / "model.yaml").write_text(f"measured: {{map50: {map50}}}\n")


def test_auto_is_the_most_accurate_model_in_the_folder_where_speed_does_not_count(tmp_path):
    for name, map50 in (("a", 0.5), ("b", 0.7), ("c", 0.6), ("d", "unknown")):
        folder(tmp_path, name, map50)
    auto = DetectorSettings(model=tmp_path / "auto")
    assert auto.chooses_model
    assert [one.path.name for _, one in shipped_models(auto)] == ["b", "c", "a"]
    assert without_auto(auto).model == tmp_path / "b"
    named = DetectorSettings(model=tmp_path / "a")
    assert without_auto(named) is named


def test_auto_is_a_word_for_the_models_beside_the_configuration():
    assert DetectorSettings(model="auto").model == Path("models/auto")
    assert not DetectorSettings().chooses_model


@pytest.mark.parametrize("place", ["", "missing"])
def test_auto_without_a_model_is_refused(tmp_path, place):
    with pytest.raises(ModelError, match="auto"):
        shipped_models(DetectorSettings(model=tmp_path / place / "auto"))

"""`detector.model: auto` with the bundled models on this machine."""

import json
from pathlib import Path

import pytest

from monitor.app.choosing import wanted_per_s, with_model
from monitor.config.camera import CameraSettings
from monitor.config.detector import DetectorSettings
from monitor.config.settings import Settings
from monitor.detectors.opening import check_model, open_detector
from monitor.domain.address import SourceAddress
from tests.integration.detecting import default_settings

MODELS = default_settings().model.parent


def watching(*rates: float | str, model: Path = MODELS / "auto") -> Settings:
    cameras = {
        f"c{number}": CameraSettings(source=SourceAddress(f"rtsp://10.0.0.{number}/a"), detect_fps=rate)
        for number, rate in enumerate(rates, start=1)
    }
    return Settings(detector=DetectorSettings(model=model, backend="litert"), cameras=cameras)


def test_few_inferences_get_the_most_accurate_model_many_the_fastest_and_times_are_remembered(tmp_path):
    file = tmp_path / "times.json"
    few, why = with_model(watching(0.1), file)
    assert few.detector.model.name == "ssd-mobilenet-v2-fpnlite-832x576"
    assert "the most accurate; the cameras want 0 inferences" in why
    written = file.read_text("utf-8")
    assert len(json.loads(written)) == 2
    many, why = with_model(watching(*[240] * 100), file)
    assert many.detector.model.name == "ssd-mobilenet-v2-fpnlite-416x256"
    assert "the fastest; the cameras want 24000" in why
    assert with_model(watching(0.1), file) == with_model(watching(0.1), file)
    assert file.read_text("utf-8") == written  # nothing was measured again


def test_what_was_remembered_decides_and_not_the_load_of_the_moment(tmp_path):
    file = tmp_path / "times.json"
    with_model(watching(1), file)
    rates = {key: 20.0 if "832x576" in key else 100.0 for key in json.loads(file.read_text("utf-8"))}
    file.write_text(json.dumps(rates), "utf-8")
    chosen = {count: with_model(watching(*[5] * count), file)[0].detector.model.name[-7:] for count in (1, 3, 4, 40)}
    assert chosen == {1: "832x576", 3: "832x576", 4: "416x256", 40: "416x256"}
    _, why = with_model(watching(5, 5, 5, 5), file)
    assert "can run 100, and 20 with ssd-mobilenet-v2-fpnlite-832x576" in why
    for damaged in ("", "[]"):
        file.write_text(damaged, "utf-8")
        with_model(watching(0.1), file)
        assert len(json.loads(file.read_text("utf-8"))) == 2


def test_a_model_that_is_named_is_not_measured(tmp_path):
    named = watching(1, model=MODELS / "ssd-mobilenet-v2-fpnlite-416x256")
    assert with_model(named, tmp_path / "times.json") == (named, "")
    assert not list(tmp_path.iterdir())


def test_a_replay_and_a_photograph_take_the_most_accurate_on_any_machine():
    auto = DetectorSettings(model=MODELS / "auto", backend="litert")
    opened = open_detector(auto, threads=1)
    opened.detector.close()
    assert opened.folder.path.name == "ssd-mobilenet-v2-fpnlite-832x576"
    assert check_model(auto) == "minus_one_to_one, from model.yaml"


@pytest.mark.parametrize(("rate", "expected"), [("auto", 10.0), (2.5, 2.5)])
def test_a_camera_without_a_rate_counts_as_one_with_the_default_rate(rate, expected):
    assert wanted_per_s(watching(rate, rate).cameras.values()) == 2 * expected

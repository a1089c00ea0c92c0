"""Fitting what a detector's scores mean."""

import numpy as np
import pytest
import yaml

from monitor.config.detector import DetectorSettings
from monitor.detectors.folder import load_model_folder
from monitor.domain.detection import DECIDED_STATES, Detection
from monitor.domain.geometry import Box
from monitor.training.calibrate import NOBODY, Samples, add_picture, cross_validate, fit, write_calibration
from monitor.training.errors import TrainingError
from tests.fakes import INCORRECT, WITH, WITHOUT, FakeDetector, noise

IMAGE = noise(300, 400)


def detection(state, score, other=0.1, left=100.0, height_px=60.0):
    scores = tuple(score if one is state else other for one in DECIDED_STATES)
    return Detection(Box(left, 100, left + 50, 100 + height_px), state, score, scores)


def drawn(count=60, right=0.95):
    """Detections of a detector that is right about faces from 0.5 on, and takes other things for masks below."""
    rng, samples = np.random.default_rng(1), Samples()
    for number in range(count):
        for truth, state in enumerate(DECIDED_STATES):
            said = state if rng.uniform() < right else WITH
            samples.add(detection(said, rng.uniform(0.5, 0.95)), IMAGE, truth, 1.0, f"{number}")
        samples.add(detection(WITH, rng.uniform(0.2, 0.6)), IMAGE, NOBODY, 1.0, f"{number}")
    return samples


def test_the_fit_tells_faces_and_states_apart():
    fitted = fit(drawn(), "drawn")
    assert fitted.data == "drawn"
    masked, bare, wrong = (detection(state, 0.9).all_scores for state in (WITH, WITHOUT, INCORRECT))
    assert fitted.likelihood(masked, 60, 200).violation < -1
    assert fitted.likelihood(bare, 60, 200).violation > 1
    assert fitted.likelihood(bare, 60, 200).missing > 1
    assert fitted.likelihood(wrong, 60, 200).missing < -1
    assert fitted.likelihood(masked, 60, 200).face > 1 > -1 > fitted.likelihood((0.25, 0, 0), 60, 200).face


def test_what_is_not_fitted_is_judged_well_if_scores_mean_something_and_badly_if_not():
    clear, blind = cross_validate(drawn()), cross_validate(drawn(right=0.0))
    assert clear.violation < 0.4 < blind.violation
    assert clear.wrong_side < 0.1 < blind.wrong_side
    assert clear.face < 0.69


def test_without_faces_of_a_state_nothing_is_fitted():
    samples = Samples()
    samples.add(detection(WITH, 0.9), IMAGE, 0, 1.0, "a")
    with pytest.raises(TrainingError, match="without_mask or incorrect or nobody"):
        fit(samples, "")


def test_detections_are_matched_with_the_faces_of_a_picture():
    found = [detection(WITH, 0.9), detection(WITHOUT, 0.8, left=200), detection(WITH, 0.1, left=300)]
    samples = Samples()
    add_picture(samples, FakeDetector([found]), IMAGE, [(found[0].box, 2)], "a")
    assert samples.counts() == {"with_mask": 0, "without_mask": 0, "incorrect": 1, "nobody": 1}


def test_the_calibration_is_written_beside_the_rest_of_the_description(tmp_path, project):
    folder = tmp_path / "model"
    folder.mkdir()
    shipped = project / "models/ssd-mobilenet-v2-fpnlite-416x256"
    for name in (
        "label_map.pbtxt",
        "model.yaml",
        "model_int8.tflite",
        "model.tflite",
        "pipeline.config",
        "saved_model",
    ):
        (folder / name).symlink_to(shipped / name)
    before = yaml.safe_load((folder / "model.yaml").read_text())
    (folder / "model.yaml").unlink()
    (folder / "model.yaml").write_text(yaml.safe_dump(before, sort_keys=False))
    fitted = fit(drawn(), "drawn")
    write_calibration(folder, fitted)
    assert load_model_folder(folder, DetectorSettings(model=folder)).calibration == fitted
    after = yaml.safe_load((folder / "model.yaml").read_text())
    assert {key: after[key] for key in before if key != "calibration"} == {
        key: value for key, value in before.items() if key != "calibration"
    }

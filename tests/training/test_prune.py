"""A detector with narrower layers that computes nearly what the whole one does."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from monitor.detectors.fitting import ModelInput
from monitor.detectors.resize import resize_to_input
from monitor.domain.detection import DECIDED_STATES
from monitor.domain.frame import Image
from monitor.training.checkpoint import open_checkpoint
from monitor.training.errors import TrainingError
from monitor.training.lean import LEAN_TYPE, LEAN_WIDTHS
from monitor.training.pipelines import read_model_config
from monitor.training.prune import prune, surviving

ROOT = Path(__file__).resolve().parents[2]
WIDE = ROOT / "models/ssd-mobilenet-v2-fpnlite-832x576"
WEIGHTS = WIDE / "saved_model/variables/variables"
FULL_TYPE = "ssd_mobilenet_v2_fpn_keras"


def _samples(channels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Activations (places, channels) of which some say what others say, and what reads them (channels, outputs)."""
    chance = np.random.default_rng(seed)
    mixed = chance.normal(size=(2000, channels - 2)) @ chance.normal(size=(channels - 2, channels))
    return np.maximum(mixed + 0.3 * chance.normal(size=(2000, channels)), 0), chance.normal(size=(channels, 3))


def _lost(activations: np.ndarray, kept: np.ndarray, left: np.ndarray, target: np.ndarray) -> float:
    centred = activations - activations.mean(axis=0)
    error = centred[:, kept] @ left - (target - target.mean(axis=0))
    return float(np.square(error).sum() / np.square(target - target.mean(axis=0)).sum())


def test_a_channel_that_says_what_another_says_goes_first_and_nothing_is_lost():
    activations, weights = _samples(8, seed=1)
    activations[:, 5] = 2 * activations[:, 2]
    kept, left, lost = surviving(activations.mean(axis=0), np.cov(activations.T), weights, 7)
    assert set(range(8)) - set(kept) in ({2}, {5})
    assert lost < 1e-4
    assert _lost(activations, kept, left, activations @ weights) < 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_what_stays_is_nearly_the_best_choice_and_says_what_it_loses(seed: int):
    activations, weights = _samples(8, seed)
    mean, covariance, target = activations.mean(axis=0), np.cov(activations.T), activations @ weights
    kept, left, lost = surviving(mean, covariance, weights, 5)
    assert list(kept) == sorted(kept)
    assert _lost(activations, kept, left, target) == pytest.approx(lost, abs=1e-3)
    best = 1.0
    for some in map(list, itertools.combinations(range(8), 5)):
        refitted = np.linalg.solve(covariance[np.ix_(some, some)], (covariance @ weights)[some])
        best = min(best, _lost(activations, np.array(some), refitted, target))
    assert lost <= 1.5 * best + 1e-4
    assert lost < _lost(activations, kept, weights[kept], target), "the others make up for what goes"


def test_dead_channels_cost_nothing():
    activations, weights = _samples(6, seed=3)
    activations[:, [0, 4]] = 0.7
    kept, _, lost = surviving(activations.mean(axis=0), np.cov(activations.T), weights, 4)
    assert list(kept) == [1, 2, 3, 5]
    assert lost == pytest.approx(0, abs=1e-4)


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    """Frames of the sample, BGR."""
    capture = cv2.VideoCapture(str(ROOT / "recordings/samples/entrance.mp4"))
    found = []
    for number in range(960):
        if number % 60 == 0:
            found.append(np.asarray(capture.read()[1], np.uint8))
        else:
            capture.grab()
    capture.release()
    return found


def _leaner(folder: Path, old: str = FULL_TYPE, new: str = LEAN_TYPE) -> Path:
    text = (WIDE / "pipeline.config").read_text(encoding="utf-8")
    assert old in text
    pipeline = folder / "lean.config"
    pipeline.write_text(text.replace(old, new), encoding="utf-8")
    return pipeline


@pytest.mark.timeout(300)
def test_a_trained_detector_keeps_most_of_what_it_finds(tmp_path: Path, frames: list[Image]):
    """Before any training it finds the faces that the whole one finds, in the same places."""
    pipeline = _leaner(tmp_path)
    activations: list[str] = []
    rgb = [resize_to_input(frame, ModelInput(256, 416)) for frame in frames]
    written = prune(WIDE / "pipeline.config", WEIGHTS, pipeline, rgb, tmp_path / "pruned", activations.append)
    assert [line.split(":")[0] for line in activations] == list(LEAN_WIDTHS)
    assert "Conv1: 32 to 16 channels" in activations[0]
    states = {number + 1: state for number, state in enumerate(DECIDED_STATES)}
    before, after = (
        open_checkpoint(read_model_config(config).model, weights, ModelInput(256, 416), states, 0.3)
        for config, weights in ((WIDE / "pipeline.config", WEIGHTS), (pipeline, written))
    )
    sure = again = 0
    for frame in frames:
        found = after.detect([frame])[0]
        for face in before.detect([frame])[0]:
            if face.score >= 0.5:
                sure += 1
                again += any(face.box.iou(other.box) > 0.6 for other in found)
    assert sure > 15
    assert again > 0.8 * sure


@pytest.mark.timeout(120)
def test_a_pipeline_that_is_no_leaner_is_refused(tmp_path: Path, frames: list[Image]):
    same = _leaner(tmp_path, new=FULL_TYPE)
    with pytest.raises(TrainingError, match="no layer that is narrower"):
        prune(WIDE / "pipeline.config", WEIGHTS, same, frames[:1], tmp_path / "pruned")

"""Chooses the backend for a model folder, and opens the detector."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.detector import Backend, DetectorSettings
from monitor.detectors.acceptance import demand_accepted
from monitor.detectors.choice import shipped_models, without_auto
from monitor.detectors.cores import cores
from monitor.detectors.fitting import ModelInput, Resizing, neutral_colour
from monitor.detectors.folder import MANIFEST, SAVED_MODEL, ModelFolder, cached_sha256, load_model_folder
from monitor.detectors.pipeline_config import PIPELINE, pipeline_preprocessing, pipeline_resizing
from monitor.detectors.preprocessing import SCALINGS, Preprocessing, Scaling
from monitor.detectors.tflite_file import TfliteFacts, read_facts
from monitor.detectors.unchanged import from_unchanged_files
from monitor.domain.errors import ModelError
from monitor.domain.ports import Detector

#: The driver's device file; checking for it is free, importing TensorFlow to find a GPU takes seconds.
_NVIDIA_DEVICE = Path("/dev/nvidia0")


@dataclass(frozen=True, slots=True)
class OpenedDetector:
    """A running detector, its file, backend and device, and the `signature` of the file's input: type and shape.

    `input` states how pictures are resized, None if the graph does it;
    `preprocessing` is None for a SavedModel, which has it in its graph.
    """

    detector: Detector
    folder: ModelFolder
    backend: Backend
    file: Path
    device: str
    threads: int
    signature: str
    input: ModelInput | None = None
    preprocessing: Preprocessing | None = None
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        """Take the hash of the file as it was loaded."""
        object.__setattr__(self, "sha256", cached_sha256(self.file))

    def provenance(self) -> dict[str, object]:
        """Return as plain values what decides which faces are found: model, backend, labels and thresholds."""
        folder = self.folder
        return {
            "model": folder.name,
            "sha256": self.sha256,
            "backend": self.backend.value,
            "preprocessing": "in the graph" if self.preprocessing is None else str(self.preprocessing.scaling),
            "resize": "in the graph" if self.input is None else self.input.resizing.resize.value,
            "labels": {folder.labels[class_id]: state.value for class_id, state in folder.states.items()},
            "thresholds": {state.value: score for state, score in folder.thresholds.items()},
        }


def open_detector(settings: DetectorSettings, threads: int | None = None) -> OpenedDetector:
    """Load a model folder on the backend in the settings; raises `ModelError`. For `auto`: see `without_auto`.

    `threads` is the number that `auto` stands for (None: all cores). The backend `auto` is TensorFlow if there are a
    GPU and TensorFlow, else LiteRT if there is a TFLite export, else TensorFlow on the CPU.
    """
    return _open(without_auto(settings), threads)


@from_unchanged_files
def _open(settings: DetectorSettings, threads: int | None = None) -> OpenedDetector:
    folder = load_model_folder(settings.model, settings)
    count = settings.threads if settings.threads != "auto" else threads or cores()
    if _chosen(settings, folder) is Backend.LITERT:
        tflite = _tflite(settings, folder)
        if settings.device.startswith("gpu"):
            raise ModelError(f"device {settings.device}: LiteRT runs on the CPU; use backend savedmodel for a GPU")
        from monitor.detectors.litert import LiteRtDetector

        folder.verify(tflite)
        facts = read_facts(tflite)
        scaled = _preprocessing(folder, tflite, facts)
        litert = LiteRtDetector(folder, tflite, facts, scaled, _resizing(folder, scaled.scaling), count)
        taken, signature = litert.input, litert.signature
        return OpenedDetector(litert, folder, Backend.LITERT, tflite, "cpu", count, signature, taken, scaled)
    from monitor.detectors.savedmodel import SavedModelDetector

    _demand_saved_model(settings, folder)
    own_threads = settings.threads if settings.threads != "auto" else None
    saved = SavedModelDetector(folder, settings.device, _resizing(folder, _stated_scaling(folder)), own_threads)
    graph = folder.path / SAVED_MODEL / "saved_model.pb"
    device, signature = saved.device, saved.signature
    return OpenedDetector(saved, folder, Backend.SAVEDMODEL, graph, device, count, signature, saved.input)


def check_model(settings: DetectorSettings) -> str:
    """Return the preprocessing that `open_detector` would use, for people; raises `ModelError`. Runs no model."""
    if settings.chooses_model:
        for _, one in shipped_models(settings):
            check_model(settings.naming(one.path))
    settings = without_auto(settings)
    folder = load_model_folder(settings.model, settings)
    if _chosen(settings, folder) is Backend.SAVEDMODEL:
        _demand_saved_model(settings, folder)
        _resizing(folder, None)
        return preprocessing_words(None)
    tflite = _tflite(settings, folder)
    preprocessing = _preprocessing(folder, tflite, read_facts(tflite))
    _resizing(folder, preprocessing.scaling)
    return preprocessing_words(preprocessing)


def preprocessing_words(preprocessing: Preprocessing | None) -> str:
    """Return a model's preprocessing for people."""
    return "in the SavedModel's graph" if preprocessing is None else str(preprocessing)


def _demand_saved_model(settings: DetectorSettings, folder: ModelFolder) -> None:
    """Raise `ModelError` if there is no SavedModel, or if it may not be loaded; before TensorFlow is."""
    if folder.saved_model is None:
        raise ModelError(f"{folder.path}: contains no {SAVED_MODEL}/; use backend litert or export it")
    demand_accepted(folder.saved_model, settings)


def _tflite(settings: DetectorSettings, folder: ModelFolder) -> Path:
    tflite = folder.tflite(settings.precision)
    if tflite is None:
        raise ModelError(f"{folder.path}: contains no TFLite export of precision {settings.precision}")
    return tflite


def _preprocessing(folder: ModelFolder, file: Path, facts: TfliteFacts) -> Preprocessing:
    """Return what the file takes, from the source that is trusted most; raises `ModelError` if none states it."""
    if folder.preprocessing is not None:
        return Preprocessing(folder.preprocessing, MANIFEST)
    if facts.scaling is not None:
        return Preprocessing(facts.scaling, f"the metadata of {file.name}")
    if (stated := pipeline_preprocessing(folder.path)) is not None:
        return stated
    if (implied := facts.input.own_scaling()) is not None:
        return Preprocessing(implied, f"the quantisation of {file.name}")
    raise ModelError(
        f"{file}: the preprocessing of its input is unknown: neither {MANIFEST}, its metadata nor a {PIPELINE} beside "
        f"it states one that is known; add 'preprocessing: NAME' to {MANIFEST}, with one of {', '.join(SCALINGS)}, "
        "or {mean: [R, G, B], std: [R, G, B]} of pixels from 0 to 255"
    )


def _resizing(folder: ModelFolder, scaling: Scaling | None) -> Resizing:
    """Return how pictures are resized; raises `ModelError`.

    Padding that `model.yaml` asks for has the colour that the network takes as 0, as after normalisation.
    """
    if folder.resize is not None:
        return Resizing(folder.resize, neutral_colour(scaling))
    return pipeline_resizing(folder.path) or Resizing()


def _stated_scaling(folder: ModelFolder) -> Scaling | None:
    """Return the scaling that the graph of a SavedModel has, as far as it is stated beside it."""
    if folder.preprocessing is not None:
        return folder.preprocessing
    stated = pipeline_preprocessing(folder.path)
    return None if stated is None else stated.scaling


def open_same(settings: DetectorSettings, threads: int | None, first: OpenedDetector) -> OpenedDetector:
    """Open another detector of the model that `first` has; raises `ModelError`, also if it has changed since."""
    opened = open_detector(settings, threads)
    if opened.provenance() != first.provenance():
        opened.detector.close()
        raise ModelError(
            f"{settings.model}: has changed since it was loaded; reload the configuration or restart to use the new"
        )
    return opened


def _chosen(settings: DetectorSettings, folder: ModelFolder) -> Backend:
    if settings.backend is not Backend.AUTO:
        return settings.backend
    wants_gpu = settings.device.startswith("gpu") or (settings.device == "auto" and _NVIDIA_DEVICE.exists())
    can_tensorflow = folder.saved_model is not None and importlib.util.find_spec("tensorflow") is not None
    if wants_gpu and can_tensorflow:
        return Backend.SAVEDMODEL
    return Backend.LITERT if folder.tflite(settings.precision) is not None else Backend.SAVEDMODEL

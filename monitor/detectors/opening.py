"""Chooses the backend for a model folder, and opens the detector."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.detector import Backend, DetectorSettings
from monitor.detectors.cores import cores
from monitor.detectors.folder import SAVED_MODEL, ModelFolder, cached_sha256, load_model_folder
from monitor.detectors.unchanged import from_unchanged_files
from monitor.domain.errors import ModelError
from monitor.domain.ports import Detector

#: The driver's device file; checking for it is free, importing TensorFlow to find a GPU takes seconds.
_NVIDIA_DEVICE = Path("/dev/nvidia0")


@dataclass(frozen=True, slots=True)
class OpenedDetector:
    """A running detector, its file, backend and device, and the `signature` of the file's input: type and shape."""

    detector: Detector
    folder: ModelFolder
    backend: Backend
    file: Path
    device: str
    threads: int
    signature: str
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
            "labels": {folder.labels[class_id]: state.value for class_id, state in folder.states.items()},
            "thresholds": {state.value: score for state, score in folder.thresholds.items()},
        }


@from_unchanged_files
def open_detector(settings: DetectorSettings, threads: int | None = None) -> OpenedDetector:
    """Load a model folder on the backend in the settings; raises `ModelError`.

    `threads` is the number that `auto` stands for (None: all cores). The backend `auto` is TensorFlow if there are a
    GPU and TensorFlow, else LiteRT if there is a TFLite export, else TensorFlow on the CPU.
    """
    folder = load_model_folder(settings.model, settings)
    count = settings.threads if settings.threads != "auto" else threads or cores()
    tflite = folder.tflite(settings.precision)
    if _chosen(settings, folder) is Backend.LITERT:
        if tflite is None:
            raise ModelError(f"{folder.path}: contains no TFLite export of precision {settings.precision}")
        if settings.device.startswith("gpu"):
            raise ModelError(f"device {settings.device}: LiteRT runs on the CPU; use backend savedmodel for a GPU")
        from monitor.detectors.litert import LiteRtDetector

        litert = LiteRtDetector(folder, tflite, count)
        return OpenedDetector(litert, folder, Backend.LITERT, tflite, "cpu", count, litert.signature)
    from monitor.detectors.savedmodel import SavedModelDetector

    own_threads = settings.threads if settings.threads != "auto" else None
    saved = SavedModelDetector(folder, settings.device, own_threads)
    graph = folder.path / SAVED_MODEL / "saved_model.pb"
    return OpenedDetector(saved, folder, Backend.SAVEDMODEL, graph, saved.device, count, saved.signature)


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

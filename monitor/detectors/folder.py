"""A model folder: its files, the meaning of its labels, and checks of their consistency."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationError

from monitor.config.base import Section
from monitor.config.detector import DecidedState, DetectorSettings, Precision, Score
from monitor.config.yaml_lines import plain_values
from monitor.detectors.fitting import Resize
from monitor.detectors.label_map import Label, normalised, read_labels
from monitor.detectors.preprocessing import Scaling, as_scaling
from monitor.detectors.unchanged import FileState, state_of
from monitor.domain.calibration import BUILT_IN, Calibration
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.errors import ModelError

SAVED_MODEL = "saved_model"
LABEL_MAP = "label_map.pbtxt"
MANIFEST = "model.yaml"
TFLITE = {Precision.FLOAT: "model.tflite", Precision.INT8: "model_int8.tflite"}

#: Below this score most TFOD2 detections are noise; a model's own `thresholds` take precedence.
DEFAULT_THRESHOLD = 0.3

#: Label names of public mask data sets, and those of the states.
KNOWN_LABELS = {
    **{state.value: state for state in DECIDED_STATES},
    "mask": MaskState.WITH_MASK,
    "no_mask": MaskState.WITHOUT_MASK,
    "mask_weared_incorrect": MaskState.INCORRECT,
    "incorrect_mask": MaskState.INCORRECT,
}

#: The longest side of a model's input in pixels.
MAX_SIDE_PX = 4096

Side = Annotated[int, Field(ge=32, le=MAX_SIDE_PX)]


class StatedCalibration(Section):
    """`calibration` in `model.yaml`; see `monitor.domain.calibration.Calibration`."""

    face: tuple[float, float, float, float, float]
    states: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    state_size: float
    data: Annotated[str, Field(min_length=1)]

    def value(self) -> Calibration:
        """Return the calibration."""
        return Calibration(self.face, self.states, self.state_size, self.data)


class Manifest(Section):
    """`model.yaml`: the model's description by its authors."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    input_size: tuple[Side, Side] | None = None
    preprocessing: Annotated[Scaling | None, BeforeValidator(as_scaling)] = None
    resize: Resize | None = None
    states: dict[str, MaskState] = {}
    thresholds: dict[DecidedState, Score] = {}
    cpu_default: Literal[Precision.FLOAT, Precision.INT8] = Precision.FLOAT
    calibration: StatedCalibration | None = None
    training_data: str = ""
    licence: str = ""
    measured: dict[str, object] = {}
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A checked model folder.

    `input_size` is (height, width) in pixels where it is known; `labels` {1-based class id: name}; `states` {1-based
    class id: state}; `thresholds` the lowest score (0..1) that counts for each state; `preprocessing` what `model.yaml`
    states of the TFLite exports' input; `resize` how it says that pictures are resized.
    """

    path: Path
    name: str
    input_size: tuple[int, int] | None
    labels: dict[int, str]
    states: dict[int, MaskState]
    thresholds: dict[MaskState, float]
    cpu_default: Precision
    preprocessing: Scaling | None = None
    calibration: Calibration = BUILT_IN
    resize: Resize | None = None
    training_data: str = ""
    licence: str = ""
    measured: dict[str, object] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def saved_model(self) -> Path | None:
        """The SavedModel's folder, or None."""
        path = self.path / SAVED_MODEL
        return path if (path / "saved_model.pb").is_file() else None

    def tflite(self, precision: Precision) -> Path | None:
        """Return the TFLite export of this precision, or None; `AUTO` prefers `cpu_default`."""
        if precision is Precision.AUTO:
            other = Precision.INT8 if self.cpu_default is Precision.FLOAT else Precision.FLOAT
            return self.tflite(self.cpu_default) or self.tflite(other)
        path = self.path / TFLITE[precision]
        return path if path.is_file() else None

    def verify(self, file: Path) -> None:
        """Raise `ModelError` if a file's sha256 is not the one in the manifest."""
        expected = self.sha256.get(file.relative_to(self.path).as_posix())
        if expected is not None and sha256_of(file) != expected:
            raise ModelError(f"{file}: is damaged or was changed: its sha256 is not the one in {MANIFEST}")

    def check_class_count(self, file: Path, counts: set[int]) -> None:
        """Raise `ModelError` if the file's number of classes, one of `counts`, is not that of the label map.

        An empty set means that the number is unknown.
        """
        highest = max(self.labels)
        if counts and highest not in counts:
            raise ModelError(f"{file}: has {min(counts)} classes, but its label map goes up to {highest}")

    def check_class_ids(self, file: Path, class_ids: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Raise `ModelError` for a class that is not in the label map.

        `class_ids` (N,), int64, 1-based; `scores` (N,). A gap in the label map is a class that the model was not
        trained on: only scores that count are an error.
        """
        gaps = set(range(1, max(self.labels))) - set(self.labels)
        counts = scores >= min(self.thresholds.values())
        found = zip(class_ids.tolist(), counts.tolist(), strict=True)
        if unknown := {one for one, counted in found if one not in self.labels and (counted or one not in gaps)}:
            raise ModelError(
                f"{file}: outputs class {min(unknown)}, which is not in its label map {sorted(self.labels)}"
            )


def load_model_folder(path: Path, settings: DetectorSettings) -> ModelFolder:
    """Read and check a model folder without running the model; raises `ModelError`."""
    if not path.is_dir():
        found = "is not a folder" if path.exists() else "no such folder"
        raise ModelError(f"{path}: {found}; expected a TFOD2 export with {SAVED_MODEL}/ or {TFLITE[Precision.FLOAT]}")
    manifest = _read_manifest(path)
    read = read_labels(path / LABEL_MAP)
    if missing := [name for name in manifest.sha256 if not (path / name).is_file()]:
        raise ModelError(f"{path}: {', '.join(missing)} named in {MANIFEST} is missing; copy the whole folder again")
    meanings = _Meanings(path, read, manifest, settings)
    named = {class_id: meanings.of(label) for class_id, label in read.items()}
    thresholds = {str(name): score for name, score in (manifest.thresholds | settings.thresholds).items()}
    folder = ModelFolder(
        path=path,
        name=manifest.name,
        input_size=manifest.input_size,
        labels={class_id: name for class_id, (name, _) in named.items()},
        states={class_id: state for class_id, (_, state) in named.items()},
        thresholds={state: thresholds.get(state.value, DEFAULT_THRESHOLD) for state in DECIDED_STATES},
        cpu_default=manifest.cpu_default,
        preprocessing=manifest.preprocessing,
        calibration=BUILT_IN if manifest.calibration is None else manifest.calibration.value(),
        resize=manifest.resize,
        training_data=manifest.training_data,
        licence=manifest.licence,
        measured=manifest.measured,
        sha256=manifest.sha256,
    )
    if folder.saved_model is None and folder.tflite(Precision.AUTO) is None:
        raise ModelError(f"{path}: contains neither {SAVED_MODEL}/saved_model.pb nor a .tflite export")
    return folder


def sha256_of(path: Path) -> str:
    """Return a file's sha256 as 64 hexadecimal digits; raises `ModelError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def cached_sha256(path: Path) -> str:
    """Return `sha256_of` a file, which is read again only if it has been written or replaced since."""
    try:
        state = state_of(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return _sha256_at(path, state)


@functools.lru_cache(maxsize=8)
def _sha256_at(path: Path, _: FileState) -> str:
    return sha256_of(path)


def _read_manifest(path: Path) -> Manifest:
    file = path / MANIFEST
    try:
        values = (plain_values(file.read_text("utf-8-sig")) if file.is_file() else None) or {}
        if not isinstance(values, dict):
            raise ModelError(f"{file}: expected keys such as 'name:', found a {type(values).__name__}")
        return Manifest.model_validate({"name": path.name} | values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"{file}: {faults}") from error
    except (OSError, ValueError, yaml.YAMLError, TypeError, RecursionError) as error:
        raise ModelError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error


class _Meanings:
    """The states of labels: as the settings say, else the manifest, else what is known of public data sets."""

    def __init__(self, path: Path, labels: Mapping[int, Label], manifest: Manifest, settings: DetectorSettings) -> None:
        self._file = path / LABEL_MAP
        stated = {"detector.labels": settings.labels, f"states in {MANIFEST}": manifest.states}
        names = {name for label in labels.values() for name in label.names}
        self._mappings = []
        for where, mapping in stated.items():
            meanings = {normalised(name): state for name, state in mapping.items()}
            if unused := sorted(meanings.keys() - names):
                raise ModelError(f"{self._file}: has no label {unused[0]!r}, which is named under {where}")
            self._mappings.append(meanings)
        self._mappings.append(KNOWN_LABELS)

    def of(self, label: Label) -> tuple[str, MaskState]:
        """Return the label's name with a known meaning, and that meaning; raises `ModelError`."""
        for mapping in self._mappings:
            known = [name for name in label.names if name in mapping]
            if len({mapping[name] for name in known}) > 1:
                raise ModelError(
                    f"{self._file}: the name {known[0]!r} and the display_name {known[1]!r} of one label mean "
                    "different states; correct the one that is wrong"
                )
            if known:
                return known[0], mapping[known[0]]
        raise ModelError(
            f"{self._file}: the meaning of the label {label.names[0]!r} is unknown; "
            f"add it under detector.labels, as one of {', '.join(DECIDED_STATES)}, {MaskState.UNKNOWN}"
        )

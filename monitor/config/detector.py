"""Which model analyses the pictures, and on what hardware."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from monitor.config.base import Section
from monitor.config.words import saying
from monitor.domain.detection import MaskState

Score = Annotated[float, Field(ge=0, le=1)]

Sha256 = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$"), saying("expected 64 hexadecimal digits, as models accept prints them")
]

#: The states that a detector can give, by name; equal to, and as keys the same as, `DECIDED_STATES`.
DecidedState = Literal["with_mask", "without_mask", "incorrect"]


class Backend(StrEnum):
    """How a model is run."""

    AUTO = "auto"
    LITERT = "litert"
    SAVEDMODEL = "savedmodel"


class Precision(StrEnum):
    """Which TFLite export is run."""

    AUTO = "auto"
    FLOAT = "float"
    INT8 = "int8"


#: The last part of a path that stands for the models beside it.
_AUTO = "auto"


def _model_path(value: Any) -> Any:
    return f"models/{_AUTO}" if value == _AUTO else value


class DetectorSettings(Section):
    """Which model analyses the pictures, and on what hardware."""

    model: Annotated[Path, BeforeValidator(_model_path)] = Field(
        default=Path("models/ssd-mobilenet-v2-fpnlite-416x256"), title="Model"
    )
    """The folder of a TFOD2 export, or auto for the most accurate in models/ that is fast enough here."""
    backend: Backend = Field(default=Backend.AUTO, title="Backend")
    """What runs the model: LiteRT, TensorFlow, or auto for the faster one available."""
    device: Annotated[
        str, Field(pattern=r"^(auto|cpu|gpu|gpu:\d{1,2})$"), saying("expected auto, cpu, gpu, or a number as in gpu:1")
    ] = Field(default="auto", title="Device")
    """Where the model runs: the CPU, a GPU, or auto."""
    precision: Precision = Field(default=Precision.AUTO, title="Precision")
    """Which TFLite export is run, or auto for the one that the model's maker recommends."""
    threads: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(default="auto", title="Threads")
    """Threads for one inference, or auto to leave cores to the other stages."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = Field(default=5.0, title="Time limit")
    """Seconds after which an inference counts as hung: the cameras show a fault, and another worker takes over."""
    labels: dict[str, MaskState] = Field(default={}, title="Labels")
    """The state that each label of the model means, for labels with other names than the states."""
    thresholds: dict[DecidedState, Score] = Field(default={}, title="Thresholds")
    """The lowest score at which a detection of each state counts."""
    accepted_sha256: tuple[Sha256, ...] = Field(default=(), title="Accepted models")
    """The sha256 of each SavedModel, a program, that may be loaded besides those of the project."""

    @property
    def chooses_model(self) -> bool:
        """Whether the model is one of those beside `model`, to be chosen."""
        return self.model.name == _AUTO

    def naming(self, model: Path) -> "DetectorSettings":
        """Return the settings with this model."""
        return self.model_copy(update={"model": model})

    def for_one_picture(self) -> "DetectorSettings":
        """Return the settings for a single picture, where no further inferences compensate for low scores.

        The thresholds are the model's own; those set here are for people who are detected in many frames.
        """
        return self.model_copy(update={"thresholds": {}})

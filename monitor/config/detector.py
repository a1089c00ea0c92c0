"""Which model looks at the pictures, and on what."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from monitor.config.base import Section
from monitor.config.words import saying
from monitor.domain.detection import MaskState

Score = Annotated[float, Field(ge=0, le=1)]

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


class DetectorSettings(Section):
    """`labels` says which of the model's label names means which state, `thresholds` the least score a state needs.

    A look that takes longer than `timeout_s` is taken for hung: the cameras show a fault and another worker takes over.
    """

    model: Path = Path("models/ssd-mobilenet-v2-fpnlite-416x256")
    backend: Backend = Backend.AUTO
    device: Annotated[
        str, Field(pattern=r"^(auto|cpu|gpu|gpu:\d{1,2})$"), saying("expected auto, cpu, gpu, or a number as in gpu:1")
    ] = "auto"
    precision: Precision = Precision.AUTO
    threads: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = "auto"
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    labels: dict[str, MaskState] = {}
    thresholds: dict[DecidedState, Score] = {}

    def for_one_picture(self) -> "DetectorSettings":
        """Return the settings for a picture alone, which has no further looks to make up for low scores.

        The thresholds are the model's own; those set here are for people who are looked at many times.
        """
        return self.model_copy(update={"thresholds": {}})

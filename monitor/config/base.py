"""The base of every section."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values cannot change once loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

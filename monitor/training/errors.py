"""The error of training, evaluation and export."""

from __future__ import annotations

from typing import ClassVar

from monitor.domain.errors import MonitorError


class TrainingError(MonitorError):
    """Data, a pipeline or a checkpoint cannot be used, or training failed; one line, or one per fault."""

    exit_code: ClassVar[int] = 7

"""`monitor evaluate-clips`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from monitor.app.clips import evaluate_clips as evaluate
from monitor.commands.show import out, print_json, progress
from monitor.config.settings import Settings
from monitor.replay.clip_score import LEAST_FACE_PX, LEAST_SEEN_S, Result
from monitor.replay.clip_truth import TrueState

#: The rows of the table: a key of the figures, its words, and whether it is a share.
_ROWS = (
    ("people", "people", False),
    ("people_right", "decided right", False),
    ("people_other_violation", "as the other violation", False),
    ("people_wrong", "decided wrong", False),
    (Result.RIGHT.value, "time right", True),
    (Result.OTHER_VIOLATION.value, "time as the other violation", True),
    (Result.WRONG.value, "time wrong", True),
    (Result.UNKNOWN.value, "time unknown", True),
    (Result.MISSED.value, "time missed", True),
    ("median_time_to_right_s", "s to the right verdict (median)", False),
    ("median_face_px", "face height until then, px", False),
)


def evaluate_clips(
    folder: Path,
    settings: Settings,
    against: Settings | None,
    model: Path | None,
    detect_fps: float | None,
    *,
    as_json: bool,
) -> None:
    """Analyse the clips of a folder with one or two settings, and print how the verdicts agree with the truth.

    `model` replaces the model of both settings. `detect_fps` None stands for that of the first settings' first camera.
    Raises `SourceError` and `ModelError`.
    """
    choices = [_with_model(one, model) for one in (settings, against) if one is not None]
    rate = detect_fps or _configured_fps(settings)
    with progress("clips", rate=False) as report:
        found = evaluate(folder, choices, rate, report)
    values = found[0] | {"detect_fps": rate} | ({"against": found[1]} if against is not None else {})
    if as_json:
        print_json(values)
        return
    _print(found)


def _with_model(settings: Settings, model: Path | None) -> Settings:
    if model is None:
        return settings
    return settings.model_copy(update={"detector": settings.detector.model_copy(update={"model": model})})


def _configured_fps(settings: Settings) -> float | None:
    """Return the analyses per second of the first camera; None, which is every frame, where it says auto."""
    fps = next((camera.detect_fps for camera in settings.cameras.values()), 10.0)
    return None if fps == "auto" else fps


def _print(found: Sequence[dict[str, Any]]) -> None:
    """Print a table with a column for each true state; figures of two settings stand side by side in it."""
    table = Table("", *TrueState, box=None, padding=(0, 2, 0, 0))
    for key, words, is_share in _ROWS:
        cells = (" | ".join(_cell(one["states"][state][key], is_share) for one in found) for state in TrueState)
        table.add_row(words, *cells)
    out.print(table)
    off = " | ".join(str(one["verdicts_off_truth"]) for one in found)
    out.print(f"tracks with a verdict that overlap nobody in the truth: {off}")
    out.print(f"scored: faces of {LEAST_FACE_PX:g} px or more, people seen for {LEAST_SEEN_S:g} s or longer")
    out.print("model: " + escape(" | ".join(one["model"] for one in found)))


def _cell(value: float | None, is_share: bool) -> str:
    if value is None:
        return "-"
    return f"{value:.0%}" if is_share else f"{value:g}"

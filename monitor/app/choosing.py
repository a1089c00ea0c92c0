"""Which model the live monitor runs where the settings leave it open."""

from collections.abc import Iterable
from pathlib import Path

from monitor.config.camera import CameraSettings
from monitor.config.settings import Settings
from monitor.detectors.choice import SPARE, choose
from monitor.detectors.timing import timed

#: What a camera counts for that takes as many analyses as it can get: the default rate.
_AUTO_FPS = 10.0


def wanted_per_s(cameras: Iterable[CameraSettings]) -> float:
    """Return how many inferences per second these cameras ask for in the settings."""
    return sum(_AUTO_FPS if one.detect_fps == "auto" else one.detect_fps for one in cameras)


def with_model(settings: Settings, remembered: Path | None) -> tuple[Settings, str]:
    """Return settings that name a model, and for people why it was chosen, "" if the settings named it.

    It depends on the cameras' settings and on the models' times, which the file `remembered` keeps, never on the load
    of a moment. Raises `ModelError`.
    """
    if not settings.detector.chooses_model:
        return settings, ""
    candidates, wanted = timed(settings.detector, remembered), wanted_per_s(settings.cameras.values())
    chosen = choose(candidates, wanted)
    need = f"the cameras want {wanted:.0f} inferences per second, with {SPARE - 1:.0%} to spare"
    can = f"this machine can run {chosen.per_s:.0f}"
    if chosen.per_s < SPARE * wanted:
        reason = f"the fastest; {need}, and {can}: lower detect_fps, or use fewer cameras"
    elif chosen is candidates[0]:
        reason = f"the most accurate; {need}, and {can}"
    else:
        first = candidates[0]
        reason = f"the most accurate that is fast enough; {need}; {can}, and {first.per_s:.0f} with {first.name}"
    return settings.model_copy(update={"detector": settings.detector.naming(chosen.path)}), reason

"""`detector.model: auto`: the models that it may choose from, and which it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.config.detector import DetectorSettings
from monitor.detectors.folder import ModelFolder, load_model_folder
from monitor.domain.errors import ModelError

#: How many times the inferences that the cameras want a model has to be able to run: other stages need cores too.
SPARE = 1.3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to choose from, its measured accuracy, and the inferences that this machine can run per second."""

    path: Path
    name: str
    map50: float
    per_s: float


def choose(candidates: Sequence[Candidate], wanted_per_s: float) -> Candidate:
    """Return the most accurate model that can run this many inferences per second with `SPARE`, else the fastest."""
    enough = [one for one in candidates if one.per_s >= SPARE * wanted_per_s]
    return max(enough, key=lambda one: one.map50) if enough else max(candidates, key=lambda one: one.per_s)


def shipped_models(settings: DetectorSettings) -> list[tuple[float, ModelFolder]]:
    """Return the models that `auto` stands for, the most accurate first, with their measured mAP at IoU 0.5.

    They are the folders beside `settings.model` whose `model.yaml` states it. Raises `ModelError` if there is none, or
    one cannot be used.
    """
    place, found = settings.model.parent, []
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        if (path / "model.yaml").is_file():
            folder = load_model_folder(path, settings)
            if isinstance(map50 := folder.measured.get("map50"), float):
                found.append((map50, folder))
    if not found:
        raise ModelError(f"detector.model: auto: {place} has no model whose model.yaml states measured.map50")
    return sorted(found, key=lambda one: (-one[0], one[1].path.name))


def without_auto(settings: DetectorSettings) -> DetectorSettings:
    """Return settings that name a model: for `auto` the most accurate one, on any machine; raises `ModelError`.

    Replays, photographs and checks of one camera can wait, and must not depend on the machine.
    """
    return settings.naming(shipped_models(settings)[0][1].path) if settings.chooses_model else settings

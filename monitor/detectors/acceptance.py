"""A SavedModel is a program: it is loaded only if it is one of the project's own, or an operator has accepted it."""

import hashlib
import os
from pathlib import Path

from monitor.config.detector import DetectorSettings
from monitor.detectors.folder import sha256_of
from monitor.domain.errors import ModelError

_SHIPPED = Path(__file__).with_name("shipped_models.sha256")


def saved_model_files(saved_model: Path) -> dict[str, str]:
    """Return the sha256 of every file of a SavedModel, by its path within the folder, in order.

    Raises `ModelError` if one cannot be read, or if a folder in it is a link, whose content would not be seen.
    """
    found: dict[str, str] = {}

    def refuse(error: OSError) -> None:
        raise ModelError(f"{error.filename}: cannot be read: {error.strerror}") from error

    for place, folders, names in os.walk(saved_model, onerror=refuse):
        for folder in (Path(place, name) for name in folders):
            if folder.is_symlink():
                raise ModelError(f"{folder}: is a link; copy the folder itself")
        for file in (Path(place, name) for name in names):
            found[file.relative_to(saved_model).as_posix()] = sha256_of(file)
    return dict(sorted(found.items()))


def saved_model_sha256(saved_model: Path) -> str:
    """Return one sha256 for all files of a SavedModel and their names; raises `ModelError`.

    It is that of the lines that `sha256sum` prints for the files, in the order of their names.
    """
    lines = (f"{sha256}  {name}\n" for name, sha256 in saved_model_files(saved_model).items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def shipped() -> frozenset[str]:
    """Return the hashes of the SavedModels in the project's own `models/`."""
    return frozenset(line.split()[0] for line in _SHIPPED.read_text("utf-8").splitlines())


def is_accepted(saved_model: Path, settings: DetectorSettings) -> bool:
    """Return whether a SavedModel may be loaded; raises `ModelError` if it cannot be read."""
    return saved_model_sha256(saved_model) in {*settings.accepted_sha256, *shipped()}


def demand_accepted(saved_model: Path, settings: DetectorSettings) -> None:
    """Raise `ModelError`, with what to add to the configuration, if a SavedModel may not be loaded."""
    if is_accepted(saved_model, settings):
        return
    wanted = ", ".join([*settings.accepted_sha256, saved_model_sha256(saved_model)])
    raise ModelError(
        f"{saved_model}: a SavedModel is a program, and this one has not been accepted; if you trust whoever made it, "
        f"run 'models accept {saved_model.parent}', which adds to the configuration, under detector: "
        f"accepted_sha256: [{wanted}]"
    )

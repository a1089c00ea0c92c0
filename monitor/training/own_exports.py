"""The SavedModels that this account has exported: programs of its own, which `monitor evaluate` may load.

Their hashes are kept outside the model folders, where only the account itself can write.
"""

import os
from pathlib import Path

from monitor.config.loading import config_path, load_valid_part
from monitor.detectors.acceptance import saved_model_sha256
from monitor.domain.errors import OutputError


def accepted_models() -> tuple[str, ...]:
    """Return the hashes of this account's exports, and those that the configuration accepts.

    Raises `ConfigError` if the configuration cannot be read.
    """
    file = _file()
    own = file.read_text("utf-8").split() if file.is_file() else []
    settings, _ = load_valid_part(config_path(None))
    return (*own, *settings.detector.accepted_sha256)


def remember(saved_model: Path) -> None:
    """Accept a SavedModel that was exported just now; raises `OutputError`."""
    file = _file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as lines:
            lines.write(f"{saved_model_sha256(saved_model)}\n")
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror}") from error


def _file() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "mask-monitor" / "exports.sha256"

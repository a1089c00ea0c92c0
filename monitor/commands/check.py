"""`monitor check`."""

from pathlib import Path

from monitor.commands.show import config_path, notes, print_json
from monitor.config.fingerprint import as_yaml, plain
from monitor.config.loading import load_settings


def check(file: Path | None, *, as_json: bool) -> None:
    """Load a configuration and print the settings in effect; raises `ConfigError` with every fault."""
    path = config_path(file)
    values = plain(load_settings(path))
    if as_json:
        print_json(values)
    else:
        notes.print(f"{path}: correct; these settings are in effect:", markup=False)
        print(as_yaml(values), end="")

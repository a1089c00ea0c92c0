"""`monitor check`."""

from pathlib import Path

from monitor.app.configuration import check_settings, missing_sources
from monitor.commands.show import notes, print_json
from monitor.config.fingerprint import as_yaml, plain
from monitor.config.loading import config_path
from monitor.detectors.opening import check_model
from monitor.domain.errors import ConfigError


def check(file: Path | None, *, as_json: bool) -> None:
    """Load a configuration and print the settings in effect; raises `ConfigError` with every fault of every kind.

    Everything it names must exist, except sources, which may come later: a missing one is a warning. No connection to a
    stream is made.
    """
    path = config_path(file)
    checked = check_settings(path)
    if checked.faults:
        raise ConfigError("\n".join(checked.faults))
    for warning in missing_sources(checked.settings):
        notes.print(f"warning: {path}: {warning}", markup=False)
    values = plain(checked.settings)
    if as_json:
        print_json(values)
    else:
        notes.print(f"{path}: the model's preprocessing: {check_model(checked.settings.detector)}", markup=False)
        notes.print(f"{path}: no faults; these settings are in effect:", markup=False)
        print(as_yaml(values), end="")

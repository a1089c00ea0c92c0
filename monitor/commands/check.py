"""`monitor check`."""

from collections.abc import Iterator
from pathlib import Path

from monitor.commands.show import config_path, notes, print_json
from monitor.config.fingerprint import as_yaml, plain
from monitor.config.loading import load_settings, load_valid_part
from monitor.config.settings import Settings
from monitor.detectors.folder import load_model_folder
from monitor.domain.address import SourceKind
from monitor.domain.errors import ConfigError, ModelError
from monitor.outputs.kiosk.texts import find_language, load_texts
from monitor.sources.ping import is_reachable


def check(file: Path | None, *, as_json: bool) -> None:
    """Load a configuration and print the settings in effect; raises `ConfigError` with every fault of every kind.

    What it names has to exist, except sources, which may come later: a missing one is a warning. No stream is connected
    to.
    """
    path = config_path(file)
    settings, faults = checked(path)
    if faults:
        raise ConfigError("\n".join(faults))
    for warning in _warnings(settings):
        notes.print(f"warning: {path}: {warning}", markup=False)
    values = plain(settings)
    if as_json:
        print_json(values)
    else:
        notes.print(f"{path}: no faults; these settings are in effect:", markup=False)
        print(as_yaml(values), end="")


def checked(path: Path) -> tuple[Settings, list[str]]:
    """Return the settings as far as they are valid, and every fault as a line that names the file.

    Raises `ConfigError` if the file cannot be read at all.
    """
    try:
        settings, left_out, faults = load_settings(path), frozenset[str](), list[str]()
    except ConfigError as error:
        settings, left_out = load_valid_part(path)
        faults = str(error).splitlines()
    return settings, faults + [f"{path}: {fault}" for fault in _faults(settings, left_out)]


def _faults(settings: Settings, left_out: frozenset[str]) -> Iterator[str]:
    """Tell what is named but does not exist, apart from what sections say that are wrong themselves."""
    if "detector" not in left_out:
        try:
            load_model_folder(settings.detector.model, settings.detector)
        except ModelError as error:
            yield f"detector.model: {error}"
    shown = settings.kiosk.camera
    if shown is not None and shown not in settings.cameras and "cameras" not in left_out:
        yield f"kiosk.camera: there is no camera {shown!r}; there are: {', '.join(settings.cameras) or 'none'}"
    try:
        find_language(load_texts(settings.kiosk.texts), settings.kiosk.language)
    except ConfigError as error:
        yield from str(error).splitlines()
    for key, file in (("tls_certificate", settings.web.tls_certificate), ("tls_key", settings.web.tls_key)):
        try:
            if file is not None:
                file.open("rb").close()
        except OSError as error:
            yield f"web.{key}: {file}: cannot be read: {error.strerror}"


def _warnings(settings: Settings) -> Iterator[str]:
    if not settings.cameras:
        yield "there is no camera yet; add one under 'cameras:'"
    for name, camera in settings.cameras.items():
        if camera.source.kind is not SourceKind.STREAM and not is_reachable(camera.source, 0):
            yield f"cameras.{name}.source: {camera.source}: does not exist at the moment"

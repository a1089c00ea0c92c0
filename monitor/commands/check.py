"""`monitor check`."""

from collections.abc import Iterator
from pathlib import Path

from monitor.commands.show import config_path, notes, print_json
from monitor.config.fingerprint import as_yaml, plain
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.detectors.folder import load_model_folder
from monitor.domain.address import SourceKind
from monitor.domain.errors import ConfigError, ModelError
from monitor.outputs.kiosk.texts import find_language, load_texts
from monitor.sources.ping import is_reachable


def check(file: Path | None, *, as_json: bool) -> None:
    """Load a configuration and print the settings in effect; raises `ConfigError` with every fault.

    What it names has to be there, but sources, which may come later: these are warned of. No stream is connected to.
    """
    path = config_path(file)
    settings = load_settings(path)
    if faults := list(_faults(settings)):
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults))
    for warning in _warnings(settings):
        notes.print(f"warning: {path}: {warning}", markup=False)
    values = plain(settings)
    if as_json:
        print_json(values)
    else:
        notes.print(f"{path}: correct; these settings are in effect:", markup=False)
        print(as_yaml(values), end="")


def _faults(settings: Settings) -> Iterator[str]:
    try:
        load_model_folder(settings.detector.model, settings.detector)
    except ModelError as error:
        yield f"detector.model: {error}"
    shown = settings.kiosk.camera
    if shown is not None and shown not in settings.cameras:
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
        yield "names no camera: there is nothing to watch before one stands under 'cameras:'"
    for name, camera in settings.cameras.items():
        if camera.source.kind is not SourceKind.STREAM and not is_reachable(camera.source, 0):
            yield f"cameras.{name}.source: {camera.source}: is not there now"

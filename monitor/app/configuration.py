"""Checks of a configuration beyond its own file: the models, cameras, texts and certificates it names must exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.config.loading import load_settings, load_valid_part
from monitor.config.settings import Settings
from monitor.detectors.opening import check_model
from monitor.domain.address import SourceKind
from monitor.domain.errors import ConfigError, ModelError
from monitor.sources.ping import is_reachable


@dataclass(frozen=True, slots=True)
class CheckedSettings:
    """The valid part of the settings, the names of the sections left out, and one line for each fault."""

    settings: Settings
    left_out: frozenset[str]
    faults: list[str]


def check_settings(path: Path) -> CheckedSettings:
    """Check a configuration file and what it names; raises `ConfigError` if the file cannot be read at all.

    Sources are not checked here, since they may come later; see `missing_sources`.
    """
    try:
        settings, left_out, faults = load_settings(path), frozenset[str](), list[str]()
    except ConfigError as error:
        try:
            settings, left_out = load_valid_part(path)
        except ConfigError:
            raise error from None  # it names every fault of the file
        faults = str(error).splitlines()
    faults += [f"{path}: {fault}" for fault in _faults(settings, left_out)]
    return CheckedSettings(settings, left_out, faults)


def missing_sources(settings: Settings) -> Iterator[str]:
    """Yield a line for each file or device that does not exist at the moment, or one line if there is no camera."""
    if not settings.cameras:
        yield "there is no camera yet; add one under 'cameras:'"
    for name, camera in settings.cameras.items():
        if camera.source.kind is not SourceKind.STREAM and not is_reachable(camera.source, 0):
            yield f"cameras.{name}.source: {camera.source}: does not exist at the moment"


def _faults(settings: Settings, left_out: frozenset[str]) -> Iterator[str]:
    from monitor.outputs.kiosk.texts import find_language, load_texts  # loads OpenCV, whose absence the doctor reports

    if "detector" not in left_out:
        try:
            check_model(settings.detector)
        except ModelError as error:
            yield f"detector.model: {error}"
    shown = settings.kiosk.camera
    try:
        if shown is not None and "cameras" not in left_out:
            settings.require_cameras(shown, where="kiosk.camera")
    except ConfigError as error:
        yield str(error)
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

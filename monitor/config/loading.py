"""From a YAML file to checked settings, with every fault named at once."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.camera import OVERRIDABLE
from monitor.config.settings import Settings
from monitor.config.yaml_lines import LinedDocument, Place
from monitor.domain.address import redact
from monitor.domain.errors import ConfigError


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read, complete and check a configuration file.

    `${NAME}` in a value stands for an environment variable (`$$` for a dollar sign); a camera starts from the global
    sections and overrides them key by key; relative paths count from the file's folder. Raises `ConfigError`, whose
    message has a line for each fault: file, line, key, what was found and what is allowed.
    """
    document = LinedDocument(path, environment)
    if not isinstance(document.values, dict):
        raise ConfigError(f"{path}:1: expected sections such as 'cameras:', found {_shown(document.values)}")
    faults = list(document.faults)
    try:
        settings = Settings.model_validate(_inherited(document.values))
    except ValidationError as error:
        faults += [fault for details in error.errors() if (fault := _fault(document, details))]
    if faults:
        raise ConfigError("\n".join(f"{path}:{line}: {text}" for line, text in sorted(set(faults))))
    return _anchored(settings, path.resolve().parent)


def _inherited(values: dict[str, object]) -> dict[str, object]:
    cameras = values.get("cameras")
    if not isinstance(cameras, dict):
        return values
    completed = {}
    for name, camera in cameras.items():
        completed[name] = camera
        if isinstance(camera, dict):
            completed[name] = dict(camera)
            for section in OVERRIDABLE:
                base, own = values.get(section, {}), camera.get(section, {})
                if isinstance(base, dict) and isinstance(own, dict):
                    completed[name][section] = base | own
    return values | {"cameras": completed}


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make relative paths count from the configuration file, wherever the program was started."""
    detector = settings.detector.model_copy(update={"model": folder / settings.detector.model})
    output = settings.output.model_copy(update={"folder": folder / settings.output.folder})
    cameras = {
        name: camera.model_copy(update={"source": camera.source.relative_to(folder)})
        for name, camera in settings.cameras.items()
    }
    return settings.model_copy(update={"detector": detector, "output": output, "cameras": cameras})


def _fault(document: LinedDocument, details: ErrorDetails) -> tuple[int, str] | None:
    place = tuple(part for part in details["loc"] if part != "[key]")
    written = _written(document, place)
    if len(place) > 2 and place[0] == "cameras" and place[2] in OVERRIDABLE and len(written) < 3:
        return None  # inherited: the fault is named where the global section says it
    key = ".".join(str(part) for part in place) or "the file"
    found = _shown(details["input"])
    match details["type"]:
        case "missing":
            return document.line(place), f"{key}: missing"
        case "extra_forbidden":
            return document.line(place), f"{key}: unknown key; {_allowed(place)}"
        case "value_error":
            return document.line(place), f"{key}: found {found}; {details['msg'].removeprefix('Value error, ')}"
        case _:
            return document.line(place), f"{key}: found {found}; {_lowered(details['msg'])}"


def _written(document: LinedDocument, place: Place) -> Place:
    while place not in document.lines:
        place = place[:-1]
    return place


def _allowed(place: Place) -> str:
    """Say which keys may stand beside an unknown one."""
    model: object = Settings
    for part in place[:-1]:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(part)].annotation
        else:
            model = next(iter(reversed(get_args(model))), None)  # the value type of a dict
    names = sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
    close = difflib.get_close_matches(str(place[-1]), names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}allowed: {', '.join(names)}"


def _shown(value: object) -> str:
    text = redact(repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]

"""Loading a YAML file into checked settings; every fault is reported at once."""

import difflib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.camera import OVERRIDABLE
from monitor.config.capture import WEBCAM_KEYS, CaptureSettings
from monitor.config.settings import Settings
from monitor.config.words import in_words
from monitor.config.yaml_lines import LinedDocument, Place
from monitor.domain.address import SourceAddress, SourceKind, redact
from monitor.domain.errors import ConfigError, SourceError

_log = logging.getLogger(__name__)

_PROJECT = Path(__file__).resolve().parents[2]

#: Renamed keys, old to new; the old ones are still read, with a warning, also in sections that a camera overrides.
_RENAMED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("web", "names"): ("web", "allowed_hosts"),
    ("journal", "log_keep"): ("journal", "log_backups"),
    ("overlay", "words"): ("overlay", "labels"),
}

#: Keys that are gone, by section, and what there is instead.
_GONE: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        (("rules", key) for key in ("decide_evidence_s", "decide_score", "decide_share", "switch_share")),
        "no longer a setting: rules.false_alarm_rate says how sure a verdict has to be",
    ),
    **dict.fromkeys(
        (("rules", key) for key in ("good_face_px", "evidence_half_life_s")),
        "no longer a setting: the calibration of the model weighs each analysis; remove it",
    ),
}


def config_path(path: Path | None) -> Path:
    """Return the configuration file to use: the one given, else ./config.yaml, else the project's own."""
    if path is not None:
        return path
    here = Path("config.yaml")
    return here if here.is_file() else _PROJECT / "config.yaml"


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read, complete and check a configuration file.

    `${NAME}` in a value stands for an environment variable (`$$` for a dollar sign); a camera starts from the global
    sections and overrides them key by key; relative paths count from the file's folder. An old name of a key is read,
    and logged as a warning. Raises `ConfigError`, whose message has a line for each fault: file, line, key, what was
    found and what is allowed.
    """
    try:
        document = LinedDocument(path, environment)
    except ConfigError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise ConfigError(f"{error}; copy the project's config.yaml or name another with --config") from error
        raise
    values = {} if document.values is None else document.values
    if not isinstance(values, dict):
        raise ConfigError(f"{path}:1: expected sections such as 'cameras:', found {_shown(document, (), values)}")
    faults = list(document.faults) + _rename(document, values)
    try:
        settings = Settings.model_validate(_inherited(values))
    except ValidationError as error:
        faults += _faults(document, error.errors())
    if faults:
        lines = [redact(f"{path}:{line}: {text}") for line, text in sorted(set(faults))]
        raise ConfigError("\n".join(lines))
    return _anchored(settings, path.resolve().parent)


def _rename(document: LinedDocument, values: dict[str, object]) -> list[tuple[int, str]]:
    """Move values from old keys to new ones, in place; return a fault for each key that is present in both."""
    cameras = values.get("cameras")
    names = cameras if isinstance(cameras, dict) else {}
    faults = []
    for old, new in _RENAMED.items():
        for above in [(), *(("cameras", name) for name in names if old[0] in OVERRIDABLE)]:
            before, after = (*above, *old), (*above, *new)
            section, target = _section(values, before[:-1]), _section(values, after[:-1])
            if section is None or target is None or old[-1] not in section:
                continue
            line = document.line(before)
            if new[-1] in target:
                faults.append(
                    (line, f"{_name(before)}: is the old name of {_name(after)}, which is set too; remove it")
                )
                del section[old[-1]]
                continue
            _log.warning(
                "%s:%d: %s is now called %s; rename it, a later version will refuse the old name",
                document.path, line, _name(before), _name(after),
            )  # fmt: skip
            target[new[-1]] = section.pop(old[-1])
            document.move(before, after)
    return faults


def _section(values: dict[str, object], place: Place) -> dict[str, object] | None:
    """Return the mapping at a place, or None."""
    found: object = values
    for part in place:
        found = found.get(str(part)) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def load_valid_part(path: Path, environment: Mapping[str, str] = os.environ) -> tuple[Settings, frozenset[str]]:
    """Return the settings without the sections and cameras that are wrong, and the names of the sections left out.

    For checks beyond the file itself: `cameras` is among the names if any camera is left out. Raises `ConfigError` if
    the file cannot be read at all, or contains no sections.
    """
    document = LinedDocument(path, environment)
    if not isinstance(document.values, dict | None):
        raise ConfigError(f"{path}: contains no sections")
    values = dict(document.values or {})
    _rename(document, values)
    faulty_lines = {line for line, _ in document.faults}
    wrong = {place[:2] for place, line in document.lines.items() if line in faulty_lines}
    left_out: set[str] = set()
    while True:
        left_out |= _leave_out(values, wrong)
        try:
            return _anchored(Settings.model_validate(_inherited(values)), path.resolve().parent), frozenset(left_out)
        except ValidationError as error:
            wrong = {tuple(part for part in details["loc"] if part != "[key]")[:2] for details in error.errors()}


def _leave_out(values: dict[str, object], wrong: set[Place]) -> set[str]:
    """Remove what is wrong from the values, and return the names of the sections concerned.

    Cameras come last: they inherit the faults of global sections, and may be valid without them.
    """
    sections = {str(place[0]) for place in wrong if place} - {"cameras"}
    for section in sections:
        values.pop(section, None)
    names, cameras = {place[1] for place in wrong if len(place) > 1}, values.get("cameras")
    if not sections and wrong:
        kept = (
            {name: camera for name, camera in cameras.items() if name not in names} if isinstance(cameras, dict) else {}
        )
        values["cameras"] = kept if isinstance(cameras, dict) and len(kept) < len(cameras) else {}
    return sections or ({"cameras"} if wrong else set())


def _inherited(values: dict[str, object]) -> dict[str, object]:
    """Return the values with each camera completed from the global sections; empty sections are removed."""
    values = {key: value for key, value in values.items() if value is not None}
    cameras = values.get("cameras")
    if not isinstance(cameras, dict):
        return values
    completed = {}
    for name, camera in cameras.items():
        completed[name] = camera
        if isinstance(camera, dict):
            completed[name] = {key: value for key, value in camera.items() if value is not None or key == "source"}
            for section in OVERRIDABLE:
                base, own = values.get(section, {}), completed[name].get(section, {})
                if isinstance(base, dict) and isinstance(own, dict):
                    if section == "capture" and not _is_webcam(camera.get("source")):
                        base = {key: value for key, value in base.items() if key not in WEBCAM_KEYS}
                    completed[name][section] = base | own
    return values | {"cameras": completed}


def _is_webcam(source: object) -> bool:
    try:
        return SourceAddress(str(source)).kind is SourceKind.WEBCAM
    except SourceError:  # reported by the validation
        return False


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Return the settings with relative paths resolved against the folder of the configuration file."""
    detector = settings.detector.model_copy(update={"model": folder / settings.detector.model})
    output = settings.output.model_copy(update={"folder": folder / settings.output.folder})
    texts = settings.kiosk.texts
    kiosk = settings.kiosk.model_copy(update={"texts": None if texts is None else folder / texts})
    tls = {key: getattr(settings.web, key) for key in ("tls_certificate", "tls_key")}
    web = settings.web.model_copy(update={key: None if path is None else folder / path for key, path in tls.items()})
    cameras = {
        name: camera.model_copy(
            update={"source": camera.source.relative_to(folder), "capture": _anchored_capture(camera.capture, folder)}
        )
        for name, camera in settings.cameras.items()
    }
    capture = _anchored_capture(settings.capture, folder)
    return settings.model_copy(
        update={
            "detector": detector,
            "output": output,
            "kiosk": kiosk,
            "web": web,
            "capture": capture,
            "cameras": cameras,
        }
    )


def _anchored_capture(capture: CaptureSettings, folder: Path) -> CaptureSettings:
    return capture if capture.tls_ca is None else capture.model_copy(update={"tls_ca": folder / capture.tls_ca})


def _faults(document: LinedDocument, errors: list[ErrorDetails]) -> list[tuple[int, str]]:
    """Return each fault once: its line, and a text with the key, what was found and what is allowed."""
    allowed: dict[tuple[Place, str], list[str]] = {}
    for details in errors:
        place = tuple(part for part in details["loc"] if part != "[key]")
        if place[:1] == ("cameras",) and place[2:3] and place[2] in OVERRIDABLE and place[:4] not in document.lines:
            continue  # inherited: the fault is reported for the global section
        if details["type"] not in ("missing", "extra_forbidden"):
            while place not in document.lines:  # pydantic adds places for the alternatives of a value
                place = place[:-1]
        found, words = _explained(document, details, place)
        allowed.setdefault((place, found), []).append(words)
    return [
        (document.line(place), f"{_name(place)}: {found}{' or '.join(dict.fromkeys(words))}")
        for (place, found), words in allowed.items()
    ]


def _explained(document: LinedDocument, details: ErrorDetails, place: Place) -> tuple[str, str]:
    match details["type"]:
        case "missing":
            return "", "missing"
        case "extra_forbidden":
            gone = _GONE.get((str(place[-2]), str(place[-1]))) if len(place) > 1 else None
            return "", gone or f"unknown key; {_allowed(place)}"
        case _:
            return f"found {_shown(document, place, details['input'])}; ", in_words(details)


def _name(place: Place) -> str:
    return ".".join(str(part) for part in place) or "the file"


def _allowed(place: Place) -> str:
    """Return the keys that are allowed in place of an unknown one, as text."""
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


def _shown(document: LinedDocument, place: Place, value: object) -> str:
    """Return a value for a message, without values from the environment, which may be passwords."""
    if any(one[: len(place)] == place for one in document.from_environment):
        return "a value from the environment"
    text = redact(repr(value))
    return text if len(text) <= 80 else text[:77] + "..."

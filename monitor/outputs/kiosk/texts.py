"""The texts of the kiosk in each language, from `texts.yaml` and an optional file of the user."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from monitor.config.base import Section
from monitor.config.yaml_lines import LinedDocument
from monitor.domain.errors import ConfigError
from monitor.rules.kiosk import Verdict

BUILT_IN = Path(__file__).with_name("texts.yaml")


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("expected one line of text without leading or trailing spaces")
    return text


def _seconds(text: str) -> str:
    if text.count("{seconds}") != 1 or "{" in (rest := text.replace("{seconds}", "")) or "}" in rest:
        raise ValueError("expected {seconds} exactly once, and no other braces")
    return text


Headline = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(_printable)]
Line = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Note = Annotated[str, Field(min_length=1, max_length=48), AfterValidator(_printable)]


class Words(Section):
    """The texts of one verdict."""

    headline: Headline
    line: Line


class Wording(Section):
    """All texts of the kiosk in one language, by verdict; `step_back` defaults to `wait`."""

    name: Annotated[str, Field(min_length=1, max_length=24), AfterValidator(_printable)]
    direction: Literal["ltr", "rtl"]
    go: Words
    put_on: Words
    cover: Words
    wait: Words
    step_back: Words | None = None
    idle: Words
    starting: Words
    out_of_order: Words
    old: Annotated[Note, AfterValidator(_seconds)]
    saved: Note
    not_saved: Note

    def of(self, verdict: Verdict) -> Words:
        """Return the texts of a verdict."""
        words: Words | None = getattr(self, verdict.value)
        return self.wait if words is None else words


def load_texts(further: Path | None = None) -> dict[str, Wording]:
    """Return the languages by code, in the order of the files: the built-in ones, then those of a further file.

    A built-in language in the further file is changed key by key. Raises `ConfigError` with a line for each
    fault: file, line, key, what is wrong.
    """
    languages = _read(BUILT_IN, {})
    if further is not None:
        languages |= _read(further, languages)
    return languages


def find_language(texts: Mapping[str, Wording], code: str) -> Wording:
    """Return one language; raises `ConfigError` with the available ones."""
    if code not in texts:
        raise ConfigError(f"kiosk.language: no texts for '{code}'; there are: {', '.join(texts)}")
    return texts[code]


def _read(path: Path, known: Mapping[str, Wording]) -> dict[str, Wording]:
    # Without an environment, a `$` in a text is reported rather than replaced by what happens to be set.
    document = LinedDocument(path, {})
    if not isinstance(document.values, dict) or not document.values:
        raise ConfigError(f"{path}:1: expected languages such as 'en:', each with its texts")
    faults = list(document.faults)
    languages: dict[str, Wording] = {}
    for code, values in document.values.items():
        try:
            languages[code] = Wording.model_validate(_completed(values, known.get(code)))
        except ValidationError as error:
            for details in error.errors():
                place = (code, *details["loc"])
                key = ".".join(str(part) for part in place)
                faults.append((document.line(place), f"{key}: {_explained(details['type'], details['msg'])}"))
    if faults:
        raise ConfigError("\n".join(f"{path}:{line}: {text}" for line, text in sorted(faults)))
    return languages


def _completed(values: object, known: Wording | None) -> object:
    """Return the values of a language, with missing ones taken from the existing language."""
    if known is None or not isinstance(values, dict):
        return values
    complete = known.model_dump()
    for key, value in values.items():
        base = complete.get(key)
        complete[key] = base | value if isinstance(base, dict) and isinstance(value, dict) else value
    return complete


def _explained(kind: str, message: str) -> str:
    match kind:
        case "missing":
            return "missing; every language needs every text"
        case "extra_forbidden":
            return f"unknown key; allowed: {', '.join(Wording.model_fields)}"
        case _:
            message = message.removeprefix("Value error, ")
            return message[:1].lower() + message[1:]

"""The addresses of sources, and their display without secrets."""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from monitor.domain.errors import SourceError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif"}
)
STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")

#: One slash is enough to count as a URL: hiding a path by mistake is better than showing a password.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]+:/+")
_KEY = re.compile(r"(?:(?<![\w%-])[\w%-]+|_[A-Za-z]+)=")
_SECRET_KEY = re.compile(r"(?i)pas|pwd|pw|psw|pin|token|key|secret|auth|sig|cred|code(?!c)|session|^p=")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_VALUE_END = re.compile(r"_[A-Za-z]+=|[&;#\s]|$")

#: Keys of cameras' addresses whose values are shown, if they are short words or numbers; every other value is hidden.
_HARMLESS_KEYS = frozenset({
    "audio", "bitrate", "camera", "ch", "channel", "codec", "compression", "fps", "framerate", "h", "height", "port",
    "profile", "proto", "quality", "res", "resolution", "rotation", "size", "sslmode", "stream", "streamtype",
    "subtype", "trackid", "transport", "transportmode", "video", "videocodec", "w", "width",
})  # fmt: skip
_HARMLESS_VALUE = re.compile(r"[\w.:-]{0,16}")
_SEPARATORS = re.compile(r"([/?&;#])")
_NEXT_KEY = re.compile(r"(?=_[A-Za-z]+=)")
_NO_PATH = re.compile(r"[=?&;#/@%]")
_AFTER_ADDRESS = "\"'`):;,.>]"

_WORDS = re.compile(r"[._~-]+")
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_HEX = re.compile(r"(?=.*[0-9])(?=.*[A-Fa-f])[0-9A-Fa-f]{8,}")
_UNPRONOUNCEABLE = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{5}")

#: How a part of a path is told from a random text: its words have fewer characters, its digits are at most that many,
#: and capital letters, small letters and digits alternate less often.
_LONG_WORD, _MOST_DIGITS, _LEAST_RUN = 20, 9, 2.6


class SourceKind(StrEnum):
    """The kinds of address."""

    WEBCAM = "webcam"
    STREAM = "stream"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A webcam index or device, a URL, or a path; its text form hides the password.

    Raises `SourceError` if the text is none of these.
    """

    value: str

    def __post_init__(self) -> None:
        if not self.value or "\0" in self.value:
            raise SourceError("an empty address; expected a webcam index, a device, an RTSP or HTTP(S) URL, or a path")
        if not is_unicode(self.value):
            raise SourceError(f"{printable(self.value)}: the name is not UTF-8; rename the file")
        if _URL.match(self.value):
            try:
                scheme = urlsplit(self.value).scheme.lower()
            except ValueError as error:
                raise SourceError(f"{self}: {login_fault(self.value) or f'not a URL: {error}'}") from error
            if scheme not in STREAM_SCHEMES or "://" not in self.value:
                raise SourceError(f"{self}: not a URL that can be opened; expected {'://, '.join(STREAM_SCHEMES)}://")
            if fault := login_fault(self.value):
                raise SourceError(f"{self}: {fault}")

    @property
    def kind(self) -> SourceKind:
        """The kind of source that the address names."""
        if self.value.isdecimal() or self.value.startswith(("/dev/video", "/dev/v4l/")):
            return SourceKind.WEBCAM
        return SourceKind.STREAM if _URL.match(self.value) else SourceKind.FILE

    def relative_to(self, folder: Path) -> "SourceAddress":
        """Return the address with a relative path resolved against this folder; other kinds are returned unchanged."""
        return SourceAddress(str(folder / self.value)) if self.kind is SourceKind.FILE else self

    def with_login(self, user: str, password: str | None) -> "SourceAddress":
        """Return the address of a stream with this user and password, which may contain any character."""
        scheme, _, rest = self.value.partition("://")
        login = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
        return SourceAddress(f"{scheme}://{login}@{rest}")

    @property
    def has_login(self) -> bool:
        """Whether a stream's address contains a user."""
        return self.kind is SourceKind.STREAM and "@" in _authority(self.value)

    def __str__(self) -> str:
        text = printable(self.value)
        return _redacted_url(text) if _URL.match(text) else redact(text)

    def __repr__(self) -> str:
        return f"SourceAddress({str(self)!r})"


def login_fault(url: str) -> str | None:
    """Return what is wrong with the user and password of a stream's URL, in words without them; None if nothing.

    A reserved character ends the user part early, so that what looks like the host is a part of the password.
    """
    authority = _authority(url)
    login, at, _ = authority.rpartition("@")
    found = None
    if at:
        found = next((sign for sign in "[]" if sign in login), None)
        if found is None and _BAD_PERCENT.search(login):
            found = "%"
    elif "@" in url:
        port = authority.rpartition(":")[2] if ":" in authority else ""
        if (port and not port.isdecimal()) or "[" in authority[1:]:
            found = next((sign for sign in url.partition("://")[2] if sign in "/?#["), None)
    if found is None:
        return None
    return (
        f"the password contains '{found}', which has another meaning in an address: use the keys user and password "
        f"beside source, or write it as {quote(found, safe='')}"
    )


def _authority(url: str) -> str:
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]


def redact(text: str) -> str:
    """Return the text without secrets, which are replaced by `***`.

    In URLs these are the user and password, every value but those of keys known to be harmless, and parts of the path
    that look like tokens; elsewhere values of keys that name a secret.
    """
    text = "".join(_redacted_url(word) for word in re.split(r"(\s+)", text))
    shown, position = "", 0
    for key in _KEY.finditer(text):
        if key.start() >= position and _SECRET_KEY.search(_decoded(key[0])):
            end = _VALUE_END.search(text, key.end())
            shown += text[position : key.end()] + "***"
            position = end.start() if end else len(text)
    return shown + text[position:]


def hosts_only(text: str) -> str:
    """Return the text with every URL reduced to its scheme and host, for people who may not see the settings."""
    return "".join(_host_only(word) for word in re.split(r"(\s+)", text))


def _host_only(word: str) -> str:
    scheme = _SCHEME.search(word)
    if scheme is None:
        return word
    address = word[scheme.end() :].rstrip(_AFTER_ADDRESS)
    authority = re.split(r"[/?#;]", address[address.rfind("@") + 1 :], maxsplit=1)[0]
    host = re.match(r"\[[0-9A-Fa-f:.%]*\]?|[^:,'\")]*", authority)
    return f"{word[: scheme.end()]}{host[0] if host else ''}{word[scheme.end() + len(address) :]}"


def _redacted_url(word: str) -> str:
    """Hide the secrets of the URL in a word.

    What stands between the scheme and the last `@` is a login: a password may contain any character.
    """
    scheme = _SCHEME.search(word)
    if scheme is None:
        return word
    before, rest = word[: scheme.end()], word[scheme.end() :]
    if (at := rest.rfind("@")) >= 0:
        before, rest = f"{before}***", rest[at:]
    address = rest.rstrip(_AFTER_ADDRESS)
    shown, *pieces = _SEPARATORS.split(address)
    values = False
    for separator, piece in zip(pieces[::2], pieces[1::2], strict=True):
        values = values or separator != "/" or "=" in piece
        shown += separator + "".join(_redacted_part(part, values) for part in _parts(piece))
    return before + shown + rest[len(address) :]


def _parts(piece: str) -> list[str]:
    """Split what some cameras write in one piece of a path: `user=admin_password=secret_channel=1`."""
    key, equals, value = piece.partition("=")
    first, *more = _NEXT_KEY.split(value)
    return [key + equals + first, *more]


def _redacted_part(part: str, values: bool) -> str:
    """Hide the value of `key=value`, and a part without a key if it stands among `values` or looks like a token."""
    key, equals, value = part.partition("=")
    if equals:
        return key + equals + (value if _is_harmless(key, value) else "***")
    return "***" if part and (values or _is_token(part)) else part


def _is_harmless(key: str, value: str) -> bool:
    name = _decoded(key).strip("_").casefold()
    return name in _HARMLESS_KEYS and bool(_HARMLESS_VALUE.fullmatch(value)) and not _is_token(value)


def _is_token(part: str) -> bool:
    """Return whether a part of a path looks like a random text, or contains what is no part of a path."""
    part = _decoded(part)
    words = [word for word in _WORDS.split(part) if word]
    if _NO_PATH.search(part) or any(len(word) >= _LONG_WORD or _HEX.fullmatch(word) for word in words):
        return True
    if any(len(run) > _MOST_DIGITS for run in _RUN.findall(part) if run.isdecimal()):
        return True
    return _is_restless(part, 16) or any(_is_restless(word, 10) or _is_unpronounceable(word) for word in words)


def _is_restless(word: str, least: int) -> bool:
    """Return whether the kind of characters changes as often as in random texts; `least` characters are needed."""
    runs = _RUN.findall(word)
    signs = sum(map(len, runs))
    return signs >= least and signs / len(runs) < _LEAST_RUN


def _is_unpronounceable(word: str) -> bool:
    digits = sum(run.isdecimal() for run in _RUN.findall(word))
    return len(word) >= 10 and (digits > (2 if len(word) < 16 else 1) or bool(_UNPRONOUNCEABLE.search(word)))


def _decoded(text: str) -> str:
    """Return the text without percent-encoding, however often it was applied."""
    for _ in range(5):
        if (decoded := unquote(text, errors="replace")) == text:
            break
        text = decoded
    return text


def is_unicode(text: str) -> bool:
    """Return whether a name is text, not bytes of an unknown encoding that the system passed on."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def printable(text: str) -> str:
    """Return the text in one line, with unprintable characters replaced."""
    return "".join(c if c.isprintable() and is_unicode(c) else "\ufffd" for c in text)


def name_of(path: Path) -> str:
    """Return a name for the recording at a path that can be shown and can name a folder: at most 60 characters."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - resolves ".." but keeps links
    return printable(Path(absolute).stem)[:60].strip(". ") or "recording"

"""The addresses of sources, and their display without secrets."""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, urlsplit

from monitor.domain.errors import SourceError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")

#: One slash is enough to count as a URL: hiding a path by mistake is better than showing a password.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]+:/+")
_KEY = re.compile(r"(?:(?<![\w-])[\w-]+|_[A-Za-z]+)=")
_SECRET_KEY = re.compile(r"(?i)pas|pwd|pw|psw|pin|token|key|secret|auth|sig|cred|code|^p=")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_VALUE_END = re.compile(r"_[A-Za-z]+=|[&;#\s]|$")


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
        return redact(re.sub(r"(?s)^([A-Za-z][A-Za-z0-9+.-]+:/+).*@", r"\1***@", printable(self.value)))

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
    """Return the text with the user and password of every URL, and values that look secret, replaced by `***`."""
    text = "".join(_without_user(word) for word in re.split(r"(\s+)", text))
    shown, position = "", 0
    for key in _KEY.finditer(text):
        if key.start() >= position and _SECRET_KEY.search(key[0]):
            end = _VALUE_END.search(text, key.end())
            shown += text[position : key.end()] + "***"
            position = end.start() if end else len(text)
    return shown + text[position:]


def _without_user(word: str) -> str:
    """Hide the text between the scheme and the last `@` of a word: a password may contain any character."""
    scheme, at = _SCHEME.search(word), word.rfind("@")
    return f"{word[: scheme.end()]}***{word[at:]}" if scheme and at >= scheme.end() else word


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

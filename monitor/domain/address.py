"""Where pictures come from, and how to name it without giving secrets away."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s]*@")
_SECRET_QUERY = re.compile(r"(?i)([?&](?:[^=&\s]*(?:pass|pwd|token|key|secret|auth)[^=&\s]*)=)[^&\s]*")


class SourceKind(StrEnum):
    """The kinds of address."""

    WEBCAM = "webcam"
    STREAM = "stream"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A webcam index or device, a URL, or a path; prints itself without its password."""

    value: str

    @property
    def kind(self) -> SourceKind:
        """What the address names."""
        if self.value.isdecimal() or self.value.startswith("/dev/video"):
            return SourceKind.WEBCAM
        if urlsplit(self.value).scheme.lower() in ("rtsp", "rtsps", "http", "https"):
            return SourceKind.STREAM
        return SourceKind.FILE

    def relative_to(self, folder: Path) -> "SourceAddress":
        """Return the address with a relative path counted from this folder; other kinds stay as they are."""
        return SourceAddress(str(folder / self.value)) if self.kind is SourceKind.FILE else self

    def __str__(self) -> str:
        return redact(self.value)

    def __repr__(self) -> str:
        return f"SourceAddress({str(self)!r})"


def redact(text: str) -> str:
    """Return the text with the user and password of every URL, and secret query values, replaced by `***`."""
    return _SECRET_QUERY.sub(r"\1***", _USERINFO.sub(r"\g<scheme>***@", text))

"""Keeps an RTSP camera from sending the monitor elsewhere.

FFmpeg follows redirects to any server, and over UDP sends to the address that a camera states; it has no setting for
either. But it passes each line of a response to its log before it acts on it. There the line is checked, and a process
that would go elsewhere loses its connections and can open no others.
"""

import ctypes
import os
import re
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from monitor.domain.address import SourceAddress, printable
from monitor.domain.errors import SourceError
from monitor.sources.libraries import avutil

#: FFmpeg's formats for a line of a response, and for the redirect itself.
_LINE, _REDIRECTING = b"line='%s'\n", b"Status %d: Redirecting to %s\n"
_LINE_BYTES = 32_768

_STATUS = re.compile(r"RTSP/\S+\s+(\d+)")
_SOURCE = re.compile(r"(?i)[;,]\s*source\s*=\s*([^;,\s]*)")
_DESTINATION = re.compile(r"(?i)[;,]\s*destination\s*=\s*([^;,\s]*)")
#: A location that cannot be read in two ways: no user, no escapes before the path.
_LOCATION = re.compile(r"(?i)(rtsps?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?(?:/[!-~]*)?")
_PORTS = {"rtsp": 554, "rtsps": 322}

_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class ResponseLines:
    """Checks the lines of the responses of one RTSP connection (pure).

    `hosts` are the host of the address and what it resolves to.
    """

    def __init__(self, address: SourceAddress, hosts: frozenset[str]) -> None:
        parts = urlsplit(address.value)
        scheme = parts.scheme.lower()
        self._origin = (scheme, (parts.hostname or "").lower(), parts.port or _PORTS[scheme])
        self._hosts = hosts
        self._redirects = self._has_location = False

    def fault(self, line: str) -> str | None:
        """Return why the connection must end before FFmpeg acts on this line, in words; None if it need not."""
        if status := _STATUS.match(line):
            self._redirects, self._has_location = status[1].startswith("3"), False
            return None
        if not line.strip():
            return None if not self._redirects or self._has_location else "redirects to no address; check the path"
        name, _, value = line.partition(":")
        match name.strip().lower():
            case "location":
                self._has_location = True
                return self._location_fault(value.strip())
            case "transport":
                return self._transport_fault(value)
        return None

    def redirect_fault(self) -> str | None:
        """Return why FFmpeg must not follow a redirect that it announces; None if its location has been checked."""
        return None if self._redirects and self._has_location else "redirects; use the address to which it redirects"

    def _location_fault(self, location: str) -> str | None:
        found = _LOCATION.fullmatch(location)
        if found is None:
            return "redirects to an address that is not valid; check the path"
        scheme, host = found[1].lower(), found[2].lower().strip("[]")
        port = int(found[3]) if found[3] else _PORTS[scheme]
        if (scheme, host, port) == self._origin:
            return None
        return f"redirects to another address ({scheme}://{found[2]}:{port}); if that is the camera, use its address"

    def _transport_fault(self, transport: str) -> str | None:
        if "multicast" in transport.lower():
            groups = _DESTINATION.findall(transport)
            if groups and all(_is_multicast(group) for group in groups):
                return None
            return "names no group for UDP multicast; set capture.transport to auto"
        if "/tcp" in transport.lower():
            return None
        for source in _SOURCE.findall(transport):
            if source.lower().strip("[]") not in self._hosts:
                words = f"sends over UDP from another address ({printable(source)})"
                return f"{words}; set capture.transport to tcp, or use that address if it is the camera's"
        return None


class Guarded:
    """What was refused while a camera was opened; None if nothing was."""

    def __init__(self) -> None:
        self.fault: str | None = None


@contextmanager
def guarding(address: SourceAddress) -> Iterator[Guarded]:
    """Check all that an RTSP camera responds while FFmpeg opens it.

    For a process that does nothing else meanwhile: after a fault it has no connections but those it had before, and
    until the end of the block opens no others. Raises `SourceError` if FFmpeg's log cannot be read.
    """
    import av

    try:
        library, libc = avutil(), ctypes.CDLL(None)
    except OSError as error:
        raise SourceError(f"{address}: redirects cannot be refused: {error.strerror}") from error
    library.av_log_set_callback.argtypes = [_Callback]
    libc.vsnprintf.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p]
    lines, guarded = ResponseLines(address, _hosts(address)), Guarded()
    before = _descriptors()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = ctypes.create_string_buffer(_LINE_BYTES)

    def check(_: object, __: int, form: bytes | None, values: int | None) -> None:
        if guarded.fault is not None or form not in (_LINE, _REDIRECTING):
            return
        if form == _REDIRECTING:
            guarded.fault = lines.redirect_fault()
        else:
            size = libc.vsnprintf(text, _LINE_BYTES, form, values)
            line = text.value[len("line='") : -len("'\n")].decode("latin-1")
            guarded.fault = lines.fault(line) if 0 <= size < _LINE_BYTES else "sends a header that is too long"
        if guarded.fault is not None:
            _cut_off(before, limit[1])

    callback = _Callback(check)
    library.av_log_set_callback(callback)
    try:
        yield guarded
    finally:
        av.logging.set_level(None)  # drops FFmpeg's messages, which contain addresses with passwords
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def _cut_off(before: frozenset[int], hard: int) -> None:
    """End every connection that is not one of `before`, and allow no other."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for each in _descriptors() - before - {null}:
        with suppress(OSError):
            os.dup2(null, each)
    os.close(null)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))


def _descriptors() -> frozenset[int]:
    return frozenset(int(entry.name) for entry in Path("/proc/self/fd").iterdir())


def _hosts(address: SourceAddress) -> frozenset[str]:
    host = (urlsplit(address.value).hostname or "").lower()
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
    except OSError:  # FFmpeg cannot reach it either
        found = set()
    return frozenset({host, *found})


def _is_multicast(group: str) -> bool:
    try:
        return ip_address(group.strip("[]")).is_multicast
    except ValueError:
        return False

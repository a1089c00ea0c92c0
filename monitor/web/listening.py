"""The socket that the pages are served at: it limits connections when they are accepted, before any TLS or request."""

import errno
import ipaddress
import logging
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from monitor.pipeline.process import file_limit
from monitor.web.addresses import ip_of, network_of

_log = logging.getLogger(__name__)

#: The most connections; a page takes one or two, and while it loads six. With those of cameras and the journal they
#: stay below descriptor 1024, the last that `select` in some drivers of webcams can use.
_MOST = 512

#: File descriptors that are kept for cameras, the journal and pictures.
_RESERVED = 512

#: The most connections that are closed in one turn of the event loop.
_MOST_CLOSED = 64

#: Errors that last: the machine or the process has no more of something.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RETRY_S = 0.5


def connection_limits() -> tuple[int, int]:
    """Return the most connections in all and of one address, for the file descriptors that this process may have."""
    files = file_limit()
    most = min(_MOST, max(files // 4, files - _RESERVED))
    return most, max(1, most // 4)


def _spare() -> BinaryIO | None:
    """Return an open file, whose descriptor can be given up, or None if none is free."""
    try:
        return Path(os.devnull).open("rb")
    except OSError:
        return None


class Listener(socket.socket):
    """A listening socket for asyncio that closes connections over its limits as soon as they are accepted.

    `most_of_one` is the limit of an address, for IPv6 of its /64 network; it does not hold for `proxies`.
    """

    def __init__(self, family: int, most: int, most_of_one: int, proxies: Iterable[str]) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._most = most
        self._most_of_one = most_of_one
        self._proxies = tuple(ipaddress.ip_network(network) for network in proxies)
        self._accepted: dict[str, list[socket.socket]] = {}
        self._spare = _spare()
        self._retry_at_s = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection within the limits; raises `OSError`, `BlockingIOError` if there is none now."""
        for _ in range(_MOST_CLOSED):
            try:
                connection, address = super().accept()
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._close_next(error)
                continue
            sender = network_of(address[0])
            why = self._why_refused(sender, address[0])
            if why is None:
                self._accepted.setdefault(sender, []).append(connection)
                return connection, address
            connection.close()
            _log.warning("web: connections are closed at once: %s", why)
        raise BlockingIOError

    def _close_next(self, error: OSError) -> None:
        """Close the connection that cannot be accepted, which would be offered again and again; raises `OSError`."""
        # asyncio logs an error and waits for a second, but first goes on as often as the queue is long.
        if (now_s := time.monotonic()) < self._retry_at_s:
            raise BlockingIOError from error
        if self._spare is not None:
            self._spare.close()
        try:
            super().accept()[0].close()
        except BlockingIOError:
            raise
        except OSError:
            self._retry_at_s = now_s + _RETRY_S
            raise
        finally:
            self._spare = _spare()
        _log.warning("web: connections are closed at once: %s", error.strerror)

    def _why_refused(self, sender: str, address: str) -> str | None:
        still_open = {name: [each for each in own if each.fileno() >= 0] for name, own in self._accepted.items()}
        self._accepted = {name: own for name, own in still_open.items() if own}
        if sum(map(len, self._accepted.values())) >= self._most:
            return f"{self._most} are open, which is the limit"
        if len(self._accepted.get(sender, ())) >= self._most_of_one and not self._is_proxy(address):
            return (
                f"{sender} has {self._most_of_one} open, which is the limit for one address; "
                "if it is a reverse proxy, add it to web.trusted_proxies"
            )
        return None

    def close(self) -> None:
        """Close it, and the file that it keeps in reserve."""
        super().close()
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _is_proxy(self, address: str) -> bool:
        return any(ip_of(address) in network for network in self._proxies)

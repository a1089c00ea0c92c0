"""The monitor's own addresses: the hosts that requests may name, and the origins of its pages."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOST_SHOWN = 80


def ip_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an IP address, IPv4 also where IPv6 wraps it; raises ValueError."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def network_of(text: str) -> str:
    """Return what one sender has: an IPv4 address, or of IPv6 its /64 network; text that is no address as it is."""
    try:
        address = ip_of(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((int(address), 64), strict=False))


@dataclass(frozen=True, slots=True)
class Place:
    """A host name or address in lower case, with its port, None if it is not stated."""

    name: str
    port: int | None = None

    @classmethod
    def of_host(cls, text: str) -> "Place | None":
        """Return the place that an untrusted Host header names, None if it names none."""
        return None if set(text) & set("/?#@\\") else cls._of(f"//{text}")

    @classmethod
    def of_origin(cls, text: str) -> "Place | None":
        """Return the place of an untrusted origin, without its scheme's default port; None if it has no place."""
        scheme = text.partition("://")[0].lower()
        found = cls._of(text) if scheme in _DEFAULT_PORTS else None
        return None if found is None else found.without_default(scheme)

    @classmethod
    def _of(cls, text: str) -> "Place | None":
        try:
            parts = urlsplit(text)
            name, port = parts.hostname, parts.port
        except ValueError:
            return None
        return cls(name, port) if name and text.isascii() and "@" not in text else None

    def without_default(self, scheme: str) -> "Place":
        """Return the place without its port, if that is the default of the scheme."""
        return replace(self, port=None) if self.port == _DEFAULT_PORTS[scheme] else self

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Seen:
    """How a request reached the monitor.

    `host` is the host as the browser named it, as far as known; `port` is its port where a trusted proxy reports that
    apart from the host. `proxy` is the address of the proxy that sent the request, trusted or not; None without one.
    """

    host: str
    port: int | None = None
    proxy: str | None = None
    trusted: bool = False


class Addresses:
    """The host names (besides IP addresses and this machine's own name) under which browsers open the pages."""

    def __init__(self, names: Iterable[str]) -> None:
        self._allowed = {name.lower() for name in names}
        self._known = {"localhost", socket.gethostname().lower(), *self._allowed}

    def refused_host(self, seen: Seen) -> str | None:
        """Return why a request for a host is refused, with the remedy; None if the host is one of the monitor's."""
        place = Place.of_host(seen.host)
        if place is not None and self._knows(place.name):
            return None
        name = "NAME" if place is None else shown(place.name)
        trust = (
            f"; if the proxy {seen.proxy} is yours, add that to web.trusted_proxies"
            if seen.proxy is not None and not seen.trusted
            else ""
        )
        return (
            f"unknown host name '{shown(seen.host)}'; if browsers open the monitor under it, "
            f"add {name} to web.allowed_hosts in config.yaml{trust}"
        )

    def refused_origin(self, seen: Seen, origin: str, site: str | None = None) -> str | None:
        """Return why requests of a page are refused, with both hosts and the remedy; None if it is the monitor's own.

        Page and request must name the same host and port. Some proxies drop the port: behind a trusted one that states
        none, a page under an allowed name is the monitor's own whatever its port, unless the browser says otherwise
        (`site`, its Sec-Fetch-Site).
        """
        page, host = Place.of_origin(origin), Place.of_host(seen.host)
        if page is not None and host is not None:
            scheme = origin.partition("://")[0].lower()
            named = {host.without_default(scheme), replace(host, port=host.port or seen.port).without_default(scheme)}
            lost = seen.trusted and host.port is None and seen.port is None and site in (None, "same-origin")
            if page in named or (lost and page.name == host.name and page.name in self._allowed):
                return None
        return (
            f"the page is at '{shown(origin)}', but its request reached the monitor as one to '{shown(seen.host)}'; "
            f"{self._remedy(seen, page, host)}"
        )

    def _knows(self, name: str) -> bool:
        return name in self._known or _is_ip(name)

    def _remedy(self, seen: Seen, page: Place | None, host: Place | None) -> str:
        if page is None:
            return "open the monitor's own pages instead"
        same_name = host is not None and host.name == page.name
        lacking = []
        if seen.proxy is not None and not seen.trusted:
            lacking.append(f"{seen.proxy} to web.trusted_proxies")
        if page.name not in self._allowed and (same_name or not self._knows(page.name)):
            lacking.append(f"{shown(page.name)} to web.allowed_hosts")
        if host is not None and same_name and (seen.proxy is None or host.port is not None or seen.port is not None):
            lacking = []  # no proxy has dropped the port
        settings = f", {'or' if same_name else 'and'} add {' and '.join(lacking)} in config.yaml" if lacking else ""
        return (
            "if the page is the monitor's own, let the reverse proxy pass on the host with its port "
            f"(nginx: proxy_set_header Host $http_host){settings}"
        )


def shown(text: str) -> str:
    """Return untrusted text for a message: short, and without characters that have an effect."""
    printable = "".join(each if " " <= each <= "~" and each not in "'\"" else "?" for each in text)
    return printable if len(printable) <= _MOST_SHOWN else f"{printable[: _MOST_SHOWN - 3]}..."


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

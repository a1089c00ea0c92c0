"""What trusted reverse proxies report of a request: its client, and the scheme, host and port that the browser used."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.types import Scope

from monitor.web.addresses import Place, Seen

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

#: Headers by which a proxy gives itself away.
_FROM_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")

#: One parameter of `Forwarded` (RFC 7239) and what ends it; many proxies do not quote a host with its port.
_PARAMETER = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+)=(\"(?:[^\"\\]|\\.)*\"|[^\s\",;]*)\s*(;|,|$)", re.ASCII)

_T = TypeVar("_T")


class ReportError(Exception):
    """The reports of a trusted proxy contradict each other, or cannot be read."""


@dataclass(frozen=True, slots=True)
class _Report:
    client: str | None
    scheme: str | None
    host: str | None


class TrustedProxies:
    """The reverse proxies whose reports count; the same headers from anybody else have no effect.

    Each proxy of a chain appends what it saw, so lists are read from the right: past every trusted proxy, to the first
    address that is none.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)

    def apply(self, scope: Scope) -> tuple[Scope, Seen]:
        """Return a request as it reached the outermost trusted proxy; raises `ReportError`."""
        headers = Headers(scope=scope)
        peer = _address(scope["client"][0]) if scope.get("client") else None
        if not self._trusts(peer):
            through = peer if any(name in headers for name in _FROM_PROXIES) else None
            return scope, Seen(headers.get("host", ""), proxy=through)
        report = _agreed(self._x_forwarded(headers), self._forwarded(headers))
        scheme = report.scheme or _SCHEMES[scope["scheme"]]
        seen = Seen(report.host or headers.get("host", ""), proxy=peer, trusted=True)
        host, place = seen.host, Place.of_host(seen.host)
        # The port that the browser named comes first: a proxy in a container may report another.
        if place is not None and place.port is None and (port := self._port(headers)) is not None:
            seen, host = replace(seen, port=port), str(replace(place, port=port).without_default(scheme))
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        changed = {
            "scheme": scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme,
            "headers": [(b"host", host.encode("latin-1")), *others],
            "client": scope["client"] if report.client is None else (report.client, 0),
        }
        return {**scope, **changed}, seen

    def _trusts(self, address: str | None) -> bool:
        return address is not None and any(ipaddress.ip_address(address) in network for network in self._networks)

    def _place(self, clients: Sequence[str | None]) -> int:
        """Return which value of a list, from the right, the outermost trusted proxy has added."""
        place = 1
        while place < len(clients) and self._trusts(clients[-place]):
            place += 1
        return place

    def _x_forwarded(self, headers: Headers) -> _Report:
        clients = _clients(headers)
        place = self._place(clients)
        return _Report(
            _from_right(clients, place),
            _SCHEMES.get((_from_right(_listed(headers, "x-forwarded-proto"), place) or "").lower()),
            _from_right(_listed(headers, "x-forwarded-host"), place) or None,
        )

    def _port(self, headers: Headers) -> int | None:
        text = _from_right(_listed(headers, "x-forwarded-port"), self._place(_clients(headers))) or ""
        return int(text) if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) < 65536 else None

    def _forwarded(self, headers: Headers) -> _Report:
        elements = _elements(", ".join(headers.getlist("forwarded")))
        clients = [_address(element.get("for", "")) for element in elements]
        seen = _from_right(elements, self._place(clients)) or {}
        scheme = _SCHEMES.get(seen.get("proto", "").lower())
        return _Report(_address(seen.get("for", "")), scheme, seen.get("host") or None)


def _agreed(one: _Report, other: _Report) -> _Report:
    """Return what both kinds of headers report; raises `ReportError` if they differ.

    A proxy that sets one kind may pass on the other as the client sent it, and nothing tells which is which.
    """
    for mine, theirs in ((one.client, other.client), (one.scheme, other.scheme), (one.host, other.host)):
        if mine is not None and theirs is not None and mine.lower() != theirs.lower():
            raise ReportError(
                "the headers Forwarded and X-Forwarded-... contradict each other; "
                "let the reverse proxy remove the one that it does not set (nginx: proxy_set_header Forwarded '')"
            )
    return _Report(one.client or other.client, one.scheme or other.scheme, one.host or other.host)


def _clients(headers: Headers) -> list[str | None]:
    return [_address(text) for text in _listed(headers, "x-forwarded-for")]


def _listed(headers: Headers, name: str) -> list[str]:
    values = headers.getlist(name)
    return [value.strip() for value in ",".join(values).split(",")] if values else []


def _from_right(values: Sequence[_T], place: int) -> _T | None:
    """Return a value by its place from the right, the first if there are fewer, None if there is none."""
    return values[-min(place, len(values))] if values else None


def _elements(text: str) -> list[dict[str, str]]:
    """Return the elements of `Forwarded`, each with its parameters; raises `ReportError` if it cannot be read."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None or found[1].lower() in elements[-1]:
            raise ReportError("the header Forwarded cannot be read")
        value = re.sub(r"\\(.)", r"\1", found[2][1:-1]) if found[2].startswith('"') else found[2]
        elements[-1][found[1].lower()] = value
        if found[3] == ",":
            elements.append({})
        at = found.end()
    return elements if text else []


def _address(text: str) -> str | None:
    """Return an IP address, which may have a port, in its usual form; None for anything else."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)

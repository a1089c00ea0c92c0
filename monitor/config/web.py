"""The pages and the API."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from monitor.config.base import Section
from monitor.config.words import saying


def _network(text: str) -> str:
    ipaddress.ip_network(text)  # raises ValueError, which is pydantic's protocol
    return text


def _base_path(text: str) -> str:
    """Return a path without the slash at its end; raises ValueError."""
    path = text.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path) or {".", ".."} & {*path.split("/")}:
        raise ValueError("expected a path such as /mask, of letters, digits and -._~")
    if path.split("/")[1:2] and path.split("/")[1] in OWN_PATHS:
        raise ValueError(f"the monitor itself has pages under /{path.split('/')[1]}; choose another path")
    return path


#: What the monitor's own paths begin with: under a base path of that kind a proxy that removes it is not recognisable.
OWN_PATHS = frozenset({
    "api", "cameras", "docs", "health", "healthz", "incidents", "kiosk", "login", "metrics", "pair", "photo",
    "predict", "settings", "static", "statistics",
})  # fmt: skip

HostName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$"), saying("expected a host name, without scheme, port or path")
]
Network = Annotated[
    str, AfterValidator(_network), saying("expected an address, or a network without host bits, such as 10.0.0.0/8")
]


BasePath = Annotated[str, Field(max_length=200), AfterValidator(_base_path)]


class PhotoSettings(Section):
    """Limits of the photo page."""

    max_mb: Annotated[float, Field(gt=0, le=100)] = Field(default=10, title="Upload size")
    """The largest upload in megabytes."""
    max_megapixels: Annotated[float, Field(gt=0, le=200)] = Field(default=40, title="Picture size")
    """The largest picture in megapixels, once decoded."""
    per_minute: Annotated[int, Field(ge=1, le=6000)] = Field(default=60, title="Pictures a minute")
    """How many pictures per minute one address may send."""


class WebSettings(Section):
    """Where the pages are served, and to whom."""

    enabled: bool = Field(default=True, title="Enabled")
    """The live monitor serves the pages and the API."""
    host: Annotated[str, Field(min_length=1, max_length=255)] = Field(default="127.0.0.1", title="Address")
    """The address that the pages are served at; any but this machine's own needs an account first."""
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8080, title="Port")
    """The TCP port that the pages are served at; 0 takes a free one."""
    allowed_hosts: tuple[HostName, ...] = Field(default=(), title="Allowed hosts")
    """Host names, besides addresses and this machine's own, that browsers may use for the pages."""
    trusted_proxies: tuple[Network, ...] = Field(default=(), title="Trusted proxies")
    """Addresses or networks of reverse proxies whose headers X-Forwarded-... and Forwarded are trusted."""
    base_path: BasePath = Field(default="", title="Base path")
    """The path of the host that the pages are under, such as /mask; empty for the whole host."""
    tls_certificate: Path | None = Field(default=None, title="TLS certificate")
    """A PEM file with the certificate chain, together with the key."""
    tls_key: Path | None = Field(default=None, title="TLS key")
    """A PEM file with the private key, together with the certificate."""
    session_hours: Annotated[float, Field(gt=0, le=24 * 30)] = Field(default=12, title="Session")
    """Hours without an open page after which people log in again; they always do after 30 days."""
    photo: PhotoSettings = Field(default=PhotoSettings(), title="Photo page")
    """Limits of the photo page."""

    @model_validator(mode="after")
    def _both_or_none(self) -> "WebSettings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both or none")
        return self

    @property
    def tls(self) -> bool:
        """Whether the monitor itself serves TLS."""
        return self.tls_certificate is not None

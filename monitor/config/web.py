"""The pages and the API."""

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from monitor.config.base import Section
from monitor.config.words import saying


def _network(text: str) -> str:
    ipaddress.ip_network(text)  # raises ValueError, which is pydantic's protocol
    return text


HostName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$"), saying("expected a host name, without scheme, port or path")
]
Network = Annotated[
    str, AfterValidator(_network), saying("expected an address, or a network without host bits, such as 10.0.0.0/8")
]


class PhotoSettings(Section):
    """Limits of the photo page: size of a picture as sent and when decoded, and pictures a minute from one address."""

    max_mb: Annotated[float, Field(gt=0, le=100)] = 10
    max_megapixels: Annotated[float, Field(gt=0, le=200)] = 40
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 60


class WebSettings(Section):
    """Where the pages are served, and for whom.

    `allowed_hosts` are the host names, besides addresses and this machine's own, that browsers may use for the pages.
    `trusted_proxies` are addresses or networks of reverse proxies whose word on who asks, and how, is taken.
    `tls_certificate` and `tls_key` are PEM files, both or none.
    """

    enabled: bool = True
    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    allowed_hosts: tuple[HostName, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    session_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 12
    photo: PhotoSettings = PhotoSettings()

    @model_validator(mode="after")
    def _both_or_none(self) -> "WebSettings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both or none")
        return self

    @property
    def tls(self) -> bool:
        """Whether the monitor itself serves TLS."""
        return self.tls_certificate is not None

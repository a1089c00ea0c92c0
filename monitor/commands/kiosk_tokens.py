"""`monitor kiosk-token`: which browsers may show a kiosk page without an account."""

import socket
from datetime import datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from monitor.app.watching import live_database, live_folder
from monitor.commands.show import load, notes, out, print_json
from monitor.config.settings import Settings
from monitor.config.web import WebSettings
from monitor.domain.clock import SystemClock
from monitor.outputs.kiosk.texts import find_language, load_texts
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import make_folder
from monitor.storage.kiosks import KioskRepository
from monitor.web.kiosk_page import pairing_path
from monitor.web.server import is_loopback

_CONSOLE = "console"


def add_kiosk_token(config: Path | None, camera: str, language: str | None) -> None:
    """Create a kiosk token and print its link, once."""
    settings = load(config)
    settings.require_cameras(camera, where="kiosk token")
    if language is not None:
        find_language(load_texts(settings.kiosk.texts), language)
    kiosks, accounts = _repositories(settings)
    token, secret = kiosks.add(camera, language, _CONSOLE)
    accounts.note(_CONSOLE, "kiosk token added", f"{token.number}: {camera}")
    notes.print(
        f"Open this link in the kiosk's browser before {_minute(token.expires_at)}. It works once and is shown once. "
        "If that browser uses another host name for the monitor, replace the host name in the link.",
        markup=False,
    )
    print(f"{_address(settings.web)}{pairing_path(secret)}")


def list_kiosk_tokens(config: Path | None, *, as_json: bool) -> None:
    """List the paired kiosks, and the links that have not been opened yet."""
    found = _repositories(load(config))[0].all()
    if as_json:
        print_json(
            [
                {
                    "number": token.number,
                    "camera": token.camera,
                    "language": token.language,
                    "created_by": token.created_by,
                    "created_at": token.created_at.isoformat(),
                    "last_seen_at": None if token.last_seen_at is None else token.last_seen_at.isoformat(),
                    "expires_at": token.expires_at.isoformat(),
                }
                for token in found
            ]
        )
        return
    table = Table("number", "camera", "language", "created by", "last seen", "expires")
    for token in found:
        seen = "link not opened" if token.last_seen_at is None else _minute(token.last_seen_at)
        row = (str(token.number), token.camera, token.language or "", token.created_by, seen, _minute(token.expires_at))
        table.add_row(*map(Text, row))
    out.print(table if found else "there are no kiosk tokens")


def remove_kiosk_token(config: Path | None, number: int) -> None:
    """Delete a kiosk token; its browser loses access within seconds."""
    kiosks, accounts = _repositories(load(config))
    token = kiosks.find(number)
    kiosks.remove(number)
    accounts.note(_CONSOLE, "kiosk token removed", f"{number}: {'' if token is None else token.camera}")


def _repositories(settings: Settings) -> tuple[KioskRepository, AccountRepository]:
    if settings.journal.url is None:
        make_folder(live_folder(settings))
    engine, clock = live_database(settings)(), SystemClock()
    return KioskRepository(engine, clock), AccountRepository(engine, clock)


def _address(web: WebSettings) -> str:
    """Return the address of the pages for browsers, according to the settings."""
    host = web.allowed_hosts[0] if web.allowed_hosts else "localhost" if is_loopback(web.host) else socket.gethostname()
    return f"http{'s' if web.tls else ''}://{host}:{web.port}{web.base_path}"


def _minute(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"

"""`monitor user` and `monitor token`: access to the pages and the API."""

import getpass
import os
import sys
from datetime import timedelta
from pathlib import Path

from rich.table import Table
from rich.text import Text

from monitor.app.watching import live_database, live_folder
from monitor.commands.show import load, notes, out, print_json
from monitor.config.settings import Settings
from monitor.domain.account import Account, Role
from monitor.domain.clock import SystemClock
from monitor.domain.errors import ConfigError
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import make_folder

_PASSWORD = "MONITOR_PASSWORD"
_CONSOLE = "console"


def add_user(config: Path | None, name: str, role: Role, cameras: list[str]) -> None:
    """Create an account; the password is read from the environment or from a prompt."""
    settings = load(config)
    accounts, account = _accounts(settings), _account(settings, name, role, cameras)
    accounts.add(account, _password())
    accounts.note(_CONSOLE, "user added", f"{name}: {role.value}")
    notes.print(f"account {name} added; role: {role.value}", markup=False)


def change_password(config: Path | None, name: str) -> None:
    """Change the password of an account, which ends its sessions."""
    accounts = _accounts(load(config))
    accounts.change_password(name, _password())
    accounts.note(_CONSOLE, "password changed", name)


def remove_user(config: Path | None, name: str) -> None:
    """Delete an account, which ends its sessions."""
    accounts = _accounts(load(config))
    accounts.remove(name)
    accounts.note(_CONSOLE, "user removed", name)
    if not accounts.exist():
        notes.print("No accounts are left: the pages are open to the users of this computer only.")


def remove_codes(config: Path | None, name: str) -> None:
    """Let an account log in without one-time codes, for somebody who has lost the device that shows them."""
    accounts = _accounts(load(config))
    accounts.require_no_codes(name)
    accounts.note(_CONSOLE, "codes off", name)
    notes.print(f"account {name} logs in with its password alone", markup=False)


def list_users(config: Path | None, *, as_json: bool) -> None:
    """List the accounts."""
    found = _accounts(load(config)).all()
    if as_json:
        print_json([_values(account) for account in found])
        return
    table = Table("name", "role", "cameras")
    for account in found:
        table.add_row(Text(account.name), account.role.value, Text(_cameras(account)))
    out.print(table if found else "there are no accounts; the pages are open to the users of this computer only")


def add_token(config: Path | None, name: str, role: Role, cameras: list[str], days: int) -> None:
    """Create a token for scripts and print it, once."""
    settings, clock = load(config), SystemClock()
    accounts, account = _accounts(settings), _account(settings, name, role, cameras)
    key = accounts.add_token(account, clock.utc_now() + timedelta(days=days))
    accounts.note(_CONSOLE, "token added", f"{name}: {role.value}, {days} days")
    notes.print("Copy the token now; it is not shown again. Send it as: Authorization: Bearer TOKEN", markup=False)
    print(key)


def remove_token(config: Path | None, name: str) -> None:
    """Delete a token."""
    accounts = _accounts(load(config))
    accounts.remove_token(name)
    accounts.note(_CONSOLE, "token removed", name)


def list_tokens(config: Path | None, *, as_json: bool) -> None:
    """List the tokens, without their keys."""
    found = _accounts(load(config)).tokens()
    if as_json:
        print_json([_values(token.account) | {"expires_at": token.expires_at.isoformat()} for token in found])
        return
    table = Table("name", "role", "cameras", "expires")
    for token in found:
        account = token.account
        expires = f"{token.expires_at:%Y-%m-%d}"
        table.add_row(Text(account.name), account.role.value, Text(_cameras(account)), expires)
    out.print(table if found else "there are no tokens")


def _accounts(settings: Settings) -> AccountRepository:
    if settings.journal.url is None:
        make_folder(live_folder(settings))
    return AccountRepository(live_database(settings)(), SystemClock())


def _account(settings: Settings, name: str, role: Role, cameras: list[str]) -> Account:
    if not (0 < len(name) <= 64 and name.isprintable() and name == name.strip()):
        raise ConfigError(f"{name!r}: a name has 1 to 64 printable characters, and no space at either end")
    settings.require_cameras(*cameras, where="--camera")
    if cameras and role is Role.ADMIN:
        raise ConfigError("an admin sees every camera; --camera is for viewers and operators")
    return Account(name, role, frozenset(cameras) if cameras else None)


def _password() -> str:
    if (password := os.environ.get(_PASSWORD)) is not None:
        return password
    if not sys.stdin.isatty():
        raise ConfigError(f"there is no terminal to ask for the password; set the environment variable {_PASSWORD}")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Repeat the password: "):
        raise ConfigError("the passwords differ")
    return password


def _values(account: Account) -> dict[str, object]:
    cameras = None if account.cameras is None else sorted(account.cameras)
    return {"name": account.name, "role": account.role.value, "cameras": cameras}


def _cameras(account: Account) -> str:
    return "all" if account.cameras is None else ", ".join(sorted(account.cameras))

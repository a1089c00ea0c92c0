"""`monitor user`, `token` and `kiosk-token`, as far as they can be had without a process of their own."""

import json
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from monitor.app.watching import live_database
from monitor.commands.accounts import (
    add_token,
    add_user,
    change_password,
    list_tokens,
    list_users,
    remove_codes,
    remove_token,
    remove_user,
)
from monitor.commands.kiosk_tokens import add_kiosk_token, list_kiosk_tokens, remove_kiosk_token
from monitor.config.loading import load_settings
from monitor.domain.account import Account, Role
from monitor.domain.clock import SystemClock
from monitor.domain.errors import ConfigError, JournalError
from monitor.storage.accounts import AccountRepository
from monitor.storage.kiosks import KioskRepository
from monitor.storage.one_time_codes import new_secret

PASSWORD = "correct horse battery"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with two cameras; the password is in the environment, as a script gives it."""
    monkeypatch.setenv("MONITOR_PASSWORD", PASSWORD)
    path = tmp_path / "config.yaml"
    path.write_text("cameras: {door: {source: rtsp://192.0.2.1/}, yard: {source: rtsp://192.0.2.2/}}\n", "utf-8")
    return path


def accounts(config: Path) -> AccountRepository:
    return AccountRepository(live_database(load_settings(config))(), SystemClock())


def test_who_has_lost_the_device_with_the_codes_gets_in_again(config: Path, capfd: pytest.CaptureFixture[str]):
    add_user(config, "ada", Role.ADMIN, [])
    secret = new_secret()
    accounts(config).require_codes("ada", secret, pyotp.TOTP(secret).now())
    remove_codes(config, "ada")
    assert "ada logs in with its password alone" in capfd.readouterr().err
    assert accounts(config).log_in("ada", PASSWORD) is not None
    with pytest.raises(ConfigError, match="no account 'nobody'"):
        remove_codes(config, "nobody")
    assert [entry.action for entry in accounts(config).audit(10)] == ["codes off", "user added"]


def test_a_user_is_added_changed_and_removed(config: Path, capfd: pytest.CaptureFixture[str]):
    add_user(config, "ada", Role.ADMIN, [])
    add_user(config, "doris", Role.VIEWER, ["door"])
    assert accounts(config).log_in("ada", PASSWORD) is not None
    capfd.readouterr()
    list_users(config, as_json=True)
    assert json.loads(capfd.readouterr().out) == [
        {"name": "ada", "role": "admin", "cameras": None},
        {"name": "doris", "role": "viewer", "cameras": ["door"]},
    ]
    change_password(config, "ada")
    remove_user(config, "doris")
    remove_user(config, "ada")
    assert "open to the users of this computer only" in " ".join(capfd.readouterr().err.split())
    assert not accounts(config).exist()
    done = [(entry.who, entry.action, entry.detail) for entry in accounts(config).audit(10)]
    assert done == [
        ("console", "user removed", "ada"),
        ("console", "user removed", "doris"),
        ("console", "password changed", "ada"),
        ("console", "user added", "doris: viewer"),
        ("console", "user added", "ada: admin"),
    ]


def test_a_token_is_shown_once(config: Path, capfd: pytest.CaptureFixture[str]):
    add_token(config, "grafana", Role.VIEWER, [], 30)
    shown = capfd.readouterr()
    key = shown.out.strip()
    assert key not in shown.err
    assert accounts(config).of_token(key) == Account("token grafana", Role.VIEWER)
    (info,) = accounts(config).tokens()
    assert timedelta(days=29) < info.expires_at - SystemClock().utc_now() < timedelta(days=31)
    for as_json in (True, False):
        list_tokens(config, as_json=as_json)
        assert key not in capfd.readouterr().out
    remove_token(config, "grafana")
    assert accounts(config).of_token(key) is None


@pytest.mark.parametrize("name", ["", " ada", "ada ", "a\nb", "a\0b", "a\tb", "x" * 65, "\u202eada", "\ud800"])
def test_a_name_that_cannot_be_read_is_refused(config: Path, name: str):
    with pytest.raises(ConfigError, match="1 to 64 printable characters"):
        add_user(config, name, Role.VIEWER, [])
    with pytest.raises(ConfigError, match="1 to 64 printable characters"):
        add_token(config, name, Role.VIEWER, [], 1)


def test_a_camera_that_there_is_not_is_refused_and_an_administrator_sees_all(config: Path):
    with pytest.raises(ConfigError, match="there is no camera 'cellar'; there are: door, yard"):
        add_user(config, "doris", Role.VIEWER, ["cellar"])
    with pytest.raises(ConfigError, match="an admin sees every camera"):
        add_user(config, "doris", Role.ADMIN, ["door"])
    assert not accounts(config).exist()


@pytest.mark.parametrize("name", ["[red]x[/]", "[/]", "[/b]", "[link=http://x]y", "\\[x]", ":smile:"])
def test_names_are_listed_as_they_are(config: Path, capfd: pytest.CaptureFixture[str], name: str):
    add_user(config, name, Role.VIEWER, [])
    add_token(config, name, Role.VIEWER, [], 1)
    capfd.readouterr()
    list_users(config, as_json=False)
    list_tokens(config, as_json=False)
    assert capfd.readouterr().out.count(name) == 2


def test_a_short_password_is_refused_and_nobody_is_asked_without_a_terminal(
    config: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MONITOR_PASSWORD", "short")
    with pytest.raises(ConfigError, match="15 to 256"):
        add_user(config, "ada", Role.ADMIN, [])
    monkeypatch.delenv("MONITOR_PASSWORD")
    with pytest.raises(ConfigError, match="MONITOR_PASSWORD"):
        add_user(config, "ada", Role.ADMIN, [])


def test_a_locked_journal_is_told_in_one_line(config: Path):
    """Whoever is listed can be read meanwhile."""
    add_user(config, "ada", Role.ADMIN, [])
    other = sqlite3.connect(config.parent / "recordings" / "live" / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    list_users(config, as_json=True)
    with pytest.raises(JournalError, match=r"journal\.db: database is locked$"):
        add_user(config, "doris", Role.VIEWER, [])
    other.execute("ROLLBACK")
    other.close()
    add_user(config, "doris", Role.VIEWER, [])


def test_others_of_the_machine_cannot_read_who_has_an_account(config: Path):
    add_user(config, "ada", Role.ADMIN, [])
    folder = config.parent / "recordings" / "live"
    assert (folder / "journal.db").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def kiosks(config: Path) -> KioskRepository:
    return KioskRepository(live_database(load_settings(config))(), SystemClock())


def test_a_kiosk_token_from_its_link_to_its_end(config: Path, capfd: pytest.CaptureFixture[str]):
    add_kiosk_token(config, "door", "de")
    shown = capfd.readouterr()
    address, _, secret = shown.out.strip().partition("#")
    assert address == "http://localhost:8080/pair"
    assert secret not in shown.err
    assert "works once" in " ".join(shown.err.split())
    for as_json in (True, False):
        list_kiosk_tokens(config, as_json=as_json)
        listed = capfd.readouterr().out
        assert secret not in listed
        assert "door" in listed
    found = kiosks(config).pair(secret)
    assert found is not None
    token, key = found
    assert (token.camera, token.language) == ("door", "de")
    remove_kiosk_token(config, token.number)
    assert kiosks(config).of_key(key) is None
    assert [(entry.who, entry.action, entry.detail) for entry in accounts(config).audit(10)] == [
        ("console", "kiosk token removed", f"{token.number}: door"),
        ("console", "kiosk token added", f"{token.number}: door"),
    ]


def test_a_kiosk_token_for_what_there_is_not_is_refused(config: Path):
    with pytest.raises(ConfigError, match="there is no camera 'cellar'; there are: door, yard"):
        add_kiosk_token(config, "cellar", None)
    with pytest.raises(ConfigError, match="no texts for 'xx'"):
        add_kiosk_token(config, "door", "xx")
    with pytest.raises(ConfigError, match="there is no kiosk token 7"):
        remove_kiosk_token(config, 7)
    assert kiosks(config).all() == []
    assert accounts(config).audit(10) == []

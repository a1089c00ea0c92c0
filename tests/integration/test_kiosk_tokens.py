"""Kiosk tokens on real databases: paired once, extended by use, removed at once."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, text

from monitor.domain.account import Account, Role
from monitor.domain.errors import ConfigError
from monitor.storage.kiosks import KIOSK_LASTS, PAIRING_LASTS, KioskRepository, KioskToken
from tests.fakes import FakeClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kiosks(engine: Engine, clock: FakeClock) -> KioskRepository:
    return KioskRepository(engine, clock)


def paired(kiosks: KioskRepository, camera: str = "door") -> tuple[KioskToken, str]:
    _, secret = kiosks.add(camera, None, "otto")
    found = kiosks.pair(secret)
    assert found is not None
    return found


def test_a_token_is_for_one_camera_and_for_a_viewer(kiosks: KioskRepository, clock: FakeClock):
    token, secret = kiosks.add("door", "de", "otto")
    assert (token.camera, token.language, token.created_by) == ("door", "de", "otto")
    assert token.last_seen_at is None
    assert token.expires_at == clock.utc + PAIRING_LASTS
    found = kiosks.pair(secret)
    assert found is not None
    assert found[0].account == Account(f"kiosk {token.number}", Role.VIEWER, frozenset({"door"}))
    assert found[0].language == "de"
    assert kiosks.of_key(found[1]) == found[0]
    assert kiosks.all() == [found[0]]


def test_a_link_pairs_one_browser_and_is_no_key_itself(kiosks: KioskRepository):
    _, secret = kiosks.add("door", None, "otto")
    assert kiosks.of_key(secret) is None
    found = kiosks.pair(secret)
    assert found is not None
    assert kiosks.pair(secret) is None, "once"
    assert kiosks.pair(found[1]) is None, "a key is no link"
    assert kiosks.of_key(secret) is None
    assert kiosks.of_key(found[1]) is not None


def test_of_two_who_open_a_link_at_once_one_is_paired(kiosks: KioskRepository):
    _, secret = kiosks.add("door", None, "otto")
    start, results = Barrier(4), []

    def open_it() -> None:
        start.wait()
        results.append(kiosks.pair(secret))

    threads = [Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result is not None for result in results) == 1
    assert len(results) == 4


def test_a_link_that_nobody_opens_expires(kiosks: KioskRepository, clock: FakeClock):
    _, secret = kiosks.add("door", None, "otto")
    clock.advance(PAIRING_LASTS.total_seconds())
    assert kiosks.all() == []
    assert kiosks.pair(secret) is None


def test_use_extends_a_token_and_disuse_ends_it(kiosks: KioskRepository, clock: FakeClock):
    token, key = paired(kiosks)
    for _ in range(3):
        clock.advance((KIOSK_LASTS - SECOND).total_seconds())
        found = kiosks.of_key(key)
        assert found is not None
        assert (found.last_seen_at, found.expires_at) == (clock.utc, clock.utc + KIOSK_LASTS)
        assert kiosks.all() == [found]
    clock.advance(KIOSK_LASTS.total_seconds())
    assert kiosks.of_key(key) is None
    kiosks.add("yard", None, "otto")
    assert kiosks.find(token.number) is None, "deleted"


def test_frequent_use_is_not_written_down_each_time(kiosks: KioskRepository, clock: FakeClock):
    _, key = paired(kiosks)
    began = clock.utc
    for _ in range(50):
        clock.advance(5)
        found = kiosks.of_key(key)
        assert found is not None
        assert found.last_seen_at == began


def test_a_token_that_is_removed_is_none_at_once(kiosks: KioskRepository):
    token, key = paired(kiosks)
    kiosks.remove(token.number)
    assert kiosks.of_key(key) is None
    assert kiosks.all() == []
    with pytest.raises(ConfigError, match=f"there is no kiosk token {token.number}"):
        kiosks.remove(token.number)
    assert paired(kiosks)[0].number > token.number, "a number is never used again"


@pytest.mark.parametrize("wrong", ["", "x", "é", "\ud800", "x" * 10_000, "' OR 1=1 --"])
def test_rubbish_is_no_secret(kiosks: KioskRepository, wrong: str):
    paired(kiosks)
    kiosks.add("door", None, "otto")
    assert kiosks.pair(wrong) is None
    assert kiosks.of_key(wrong) is None


def test_no_secret_is_in_the_database(kiosks: KioskRepository, engine: Engine):
    _, secret = kiosks.add("door", None, "otto")
    _, key = paired(kiosks)
    with engine.connect() as connection:
        written = str(connection.execute(text("SELECT * FROM kiosks")).all())
    assert secret not in written
    assert key not in written

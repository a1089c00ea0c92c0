"""Who gets a place, and who does not."""

import contextlib

import pytest

from monitor.web.shares import FullError, Shares


def taken(shares: Shares, *whom: tuple[str, str]) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    for account, address in whom:
        stack.enter_context(shares.place(account, address))
    return stack


def test_an_account_gets_its_share_from_all_its_addresses_together():
    shares = Shares(10, 2, 4)
    with taken(shares, ("ada", "a"), ("ada", "b")):
        assert not shares.has_room("ada", "c")
        with pytest.raises(FullError), shares.place("ada", "c"):
            pass
        assert shares.has_room("otto", "a")
    assert shares.has_room("ada", "c")


def test_an_address_gets_its_share_for_all_its_accounts_together():
    shares = Shares(10, 2, 3)
    with taken(shares, ("ada", "a"), ("ada", "a"), ("otto", "a")):
        assert not shares.has_room("otto", "a")
        assert shares.has_room("otto", "b")


def test_the_total_holds_for_everybody():
    shares = Shares(2, 2, 2)
    with taken(shares, ("ada", "a"), ("otto", "b")):
        assert not shares.has_room("vera", "c")
    assert shares.has_room("vera", "c")


def test_a_place_is_free_again_after_a_failure():
    shares = Shares(1, 1, 1)
    for _ in range(3):
        with pytest.raises(OSError, match="lost"), shares.place("ada", "a"):
            raise OSError("lost")
    assert shares.has_room("ada", "a")

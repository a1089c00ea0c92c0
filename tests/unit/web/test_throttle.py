"""Rate limits, by a clock that the tests move."""

from datetime import timedelta

import pytest

from monitor.web.throttle import LoginThrottle, Throttle
from tests.fakes import FakeClock


def passed(throttle: Throttle, key: str, attempts: int) -> int:
    """Return how many of some attempts are let through."""
    return [throttle.take(key) for _ in range(attempts)].count(0.0)


def test_so_many_are_let_through_and_the_next_has_to_wait_until_the_window_has_moved():
    clock = FakeClock(1000.0)
    throttle = Throttle(3, 60, clock)
    for _ in range(3):
        assert throttle.take("door") == 0
        clock.advance(10)
    assert throttle.take("door") == 30
    assert throttle.take("yard") == 0
    clock.advance(29.5)
    assert throttle.take("door") == 0.5
    clock.advance(0.5)
    assert passed(throttle, "door", 10) == 1
    assert throttle.take("door") == 10


def test_asking_counts_nothing_and_neither_does_a_refusal():
    clock = FakeClock()
    throttle = Throttle(1, 60, clock)
    assert [throttle.wait_s("door") for _ in range(50)] == [0.0] * 50
    assert throttle.take("door") == 0
    for _ in range(50):
        clock.advance(1)
        throttle.take("door")
    assert throttle.wait_s("door") == 10
    throttle.forget("door")
    assert throttle.take("door") == 0


@pytest.mark.parametrize("step", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_is_set_lets_nobody_through_and_locks_nobody_out(step: timedelta):
    clock = FakeClock()
    throttle = Throttle(2, 60, clock)
    assert passed(throttle, "door", 5) == 2
    clock.utc += step
    assert throttle.take("door") == 60
    clock.advance(60)
    assert passed(throttle, "door", 5) == 2


def test_a_flood_of_keys_is_not_kept():
    clock = FakeClock()
    throttle = Throttle(2, 60, clock)
    for number in range(300):
        throttle.take(str(number))
        clock.advance(1)
        assert len(throttle) <= 60
    clock.advance(60)
    throttle.take("last")
    assert len(throttle) == 1


def test_one_name_from_one_address_has_a_limit_and_keeps_nobody_else_out():
    logins = LoginThrottle(FakeClock(), 3, 10, 60)
    waits = [logins.take("10.0.0.1", "Ada" if n % 2 else "ada") for n in range(50)]
    assert waits == [0.0] * 3 + [60] * 47, "however it is written"
    assert logins.take("10.0.0.1", "vera") == 0, "the next desk behind the same address"
    assert logins.take("10.0.0.2", "ada") == 0, "the owner elsewhere"


def test_a_known_device_is_counted_by_itself():
    logins = LoginThrottle(FakeClock(), 3, 10, 60)
    for number in range(20):
        logins.take("10.0.0.1", "ada" if number < 10 else f"name {number}")
    assert logins.take("10.0.0.1", "ada") == logins.take("10.0.0.1", "somebody") == 60
    assert [logins.take("10.0.0.1", "ada", "device 1") for _ in range(4)] == [0.0] * 3 + [60]
    assert logins.take("10.0.0.1", "ada", "device 2") == 0


@pytest.mark.parametrize("attempts", [1, 40])
def test_one_address_cannot_try_one_password_on_many_names(attempts: int):
    logins = LoginThrottle(FakeClock(), 3, 10, 60)
    waits = [logins.take("10.0.0.1", f"{name} {n}") for n in range(attempts) for name in ("a", "b", "c")]
    assert waits.count(0.0) == min(10, 3 * attempts)
    assert logins.take("10.0.0.2", "a 0") == 0


def test_a_right_password_forgets_the_name_s_attempts_and_not_the_address_s():
    logins = LoginThrottle(FakeClock(), 2, 5, 60)
    waits = []
    for _ in range(6):
        waits.append(logins.take("10.0.0.1", "ada"))
        logins.succeeded("10.0.0.1", "ADA")
    assert waits == [0.0] * 5 + [60]

"""The throttle by the real clock, with windows of a second or two."""

import asyncio

import pytest

from monitor.web.throttle import LoginThrottle, Throttle


async def passed(throttle: Throttle, key: str, attempts: int) -> int:
    """Return how many of some attempts at once are let through."""
    waits = await asyncio.gather(*(throttle.take(key) for _ in range(attempts)))
    return waits.count(0.0)


def test_so_many_are_let_through_and_the_next_has_to_wait_until_the_window_has_moved():
    async def body() -> None:
        throttle = Throttle(3, 2)
        assert await passed(throttle, "door", 10) == 3
        wait_s = await throttle.take("door")
        assert 0 < wait_s <= 2
        assert await throttle.take("yard") == 0
        await asyncio.sleep(wait_s + 0.05)
        assert await passed(throttle, "door", 10) == 3

    asyncio.run(body())


def test_asking_counts_nothing_and_neither_does_a_refusal():
    async def body() -> None:
        throttle = Throttle(1, 2)
        assert [await throttle.wait_s("door") for _ in range(50)] == [0.0] * 50
        assert await throttle.take("door") == 0
        first_s = await throttle.take("door")
        await asyncio.sleep(0.3)
        for _ in range(50):
            assert 0 < await throttle.take("door") < first_s
        assert 0 < await throttle.wait_s("door") < first_s
        await throttle.forget("door")
        assert await throttle.take("door") == 0

    asyncio.run(body())


def test_a_flood_of_keys_is_not_kept():
    async def body() -> None:
        throttle = Throttle(1, 1)
        for number in range(300):
            await throttle.take(str(number))
        await asyncio.sleep(1.1)
        await throttle.take("last")
        await asyncio.sleep(1.0)
        storage = throttle._limiter.storage
        assert len(storage.events) <= 1

    asyncio.run(body())


def test_one_name_from_one_address_has_a_limit_and_keeps_nobody_else_out():
    async def body() -> None:
        logins = LoginThrottle(3, 10, 60)
        waits = await asyncio.gather(*(logins.take("10.0.0.1", "Ada" if n % 2 else "ada") for n in range(50)))
        assert waits.count(0.0) == 3, "at once, and however it is written"
        assert all(0 < wait_s <= 60 for wait_s in waits if wait_s)
        assert await logins.take("10.0.0.1", "vera") == 0, "the next desk behind the same address"
        assert await logins.take("10.0.0.2", "ada") == 0, "the owner elsewhere"

    asyncio.run(body())


@pytest.mark.parametrize("attempts", [1, 40])
def test_one_address_cannot_try_one_password_on_many_names(attempts: int):
    async def body() -> None:
        logins = LoginThrottle(3, 10, 60)
        waits = [await logins.take("10.0.0.1", f"{name} {n}") for n in range(attempts) for name in ("a", "b", "c")]
        assert waits.count(0.0) == min(10, 3 * attempts)
        waits = await asyncio.gather(*(logins.take("10.0.0.3", str(n)) for n in range(40)))
        assert waits.count(0.0) == 10, "at once"
        assert await logins.take("10.0.0.2", "a 0") == 0

    asyncio.run(body())


def test_a_right_password_forgets_the_name_s_attempts_and_not_the_address_s():
    async def body() -> None:
        logins = LoginThrottle(2, 5, 60)
        waits = []
        for _ in range(6):
            waits.append(await logins.take("10.0.0.1", "ada"))
            await logins.succeeded("10.0.0.1", "ADA")
        assert waits[:5] == [0.0] * 5
        assert waits[5] > 0

    asyncio.run(body())

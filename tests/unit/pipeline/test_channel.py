import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from monitor.pipeline.channel import Channel, Closed

SOON_S = 5.0


@pytest.fixture
def pool():
    with ThreadPoolExecutor(max_workers=8) as executor:
        yield executor


def blocked(future):
    """Whether a call is still waiting; 0.05 s is long for what would return at once."""
    with pytest.raises(TimeoutError):
        future.result(timeout=0.05)
    return True


def drain(channel):
    items = []
    try:
        while True:
            items.append(channel.get())
    except Closed:
        return items


def test_items_come_out_in_the_order_they_went_in():
    channel = Channel(5)
    for item in "abc":
        channel.put(item)
    channel.close()
    assert drain(channel) == ["a", "b", "c"]


def test_items_that_are_false_are_items():
    channel = Channel(5)
    for item in (None, 0, "", False):
        channel.put(item)
    channel.close()
    assert drain(channel) == [None, 0, "", False]


def test_a_full_channel_makes_the_putter_wait(pool):
    channel = Channel(1)
    channel.put(1)
    waiting = pool.submit(channel.put, 2)
    assert blocked(waiting)
    assert channel.get() == 1
    waiting.result(timeout=SOON_S)
    assert channel.get() == 2


def test_an_empty_channel_makes_the_getter_wait(pool):
    channel = Channel(1)
    waiting = pool.submit(channel.get)
    assert blocked(waiting)
    channel.put("x")
    assert waiting.result(timeout=SOON_S) == "x"


def test_a_closed_channel_takes_nothing_and_gives_what_it_holds():
    channel = Channel(3)
    channel.put(1)
    channel.put(2)
    channel.close()
    with pytest.raises(Closed):
        channel.put(3)
    assert drain(channel) == [1, 2]
    with pytest.raises(Closed):
        channel.get()


def test_closing_twice_is_harmless():
    channel = Channel(1)
    channel.close()
    channel.close()
    with pytest.raises(Closed):
        channel.get()


def test_closing_wakes_everyone_who_waits_to_get(pool):
    channel = Channel(1)
    waiting = [pool.submit(channel.get) for _ in range(3)]
    assert all(blocked(future) for future in waiting)
    channel.close()
    for future in waiting:
        with pytest.raises(Closed):
            future.result(timeout=SOON_S)


def test_closing_wakes_everyone_who_waits_to_put_and_keeps_what_was_in(pool):
    channel = Channel(1)
    channel.put("in")
    waiting = [pool.submit(channel.put, "late") for _ in range(3)]
    assert all(blocked(future) for future in waiting)
    channel.close()
    for future in waiting:
        with pytest.raises(Closed):
            future.result(timeout=SOON_S)
    assert drain(channel) == ["in"]


def test_discarding_throws_away_what_waits_and_wakes_whoever_fills_it(pool):
    channel = Channel(2)
    channel.put(1)
    channel.put(2)
    waiting = pool.submit(channel.put, 3)
    assert blocked(waiting)
    channel.discard()
    with pytest.raises(Closed):
        waiting.result(timeout=SOON_S)
    with pytest.raises(Closed):
        channel.get()
    with pytest.raises(Closed):
        channel.put(4)


def test_nothing_slips_in_while_a_channel_is_discarded(pool):
    for _ in range(200):
        channel = Channel(1)
        channel.put("old")
        ready = threading.Barrier(2)

        def fill(channel=channel, ready=ready):
            ready.wait(SOON_S)
            try:
                channel.put("late")
            except Closed:
                return
            raise AssertionError("taken after the discard")  # nothing ever gets "old" out, so there was never room

        filling = pool.submit(fill)
        ready.wait(SOON_S)
        channel.discard()
        filling.result(timeout=SOON_S)
        assert drain(channel) == []


def test_nothing_is_lost_or_doubled_between_many_threads(pool):
    channel, count = Channel(3), 300

    def fill(start):
        for number in range(start, start + count):
            channel.put(number)

    getters = [pool.submit(drain, channel) for _ in range(3)]
    putters = [pool.submit(fill, start) for start in (0, 1000, 2000)]
    for future in putters:
        future.result(timeout=SOON_S)
    channel.close()
    taken = [future.result(timeout=SOON_S) for future in getters]
    assert sorted(item for items in taken for item in items) == [
        *range(count),
        *range(1000, 1000 + count),
        *range(2000, 2000 + count),
    ]
    for items in taken:  # each putter's items arrive in their order
        for start in (0, 1000, 2000):
            own = [item for item in items if start <= item < start + count]
            assert own == sorted(own)


def test_no_more_wait_inside_than_the_capacity(pool):
    channel = Channel(4)
    filling = pool.submit(lambda: [channel.put(n) for n in range(10)])
    assert blocked(filling)
    channel.discard()
    with pytest.raises(Closed):
        filling.result(timeout=SOON_S)

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from monitor.pipeline.channel import Closed, Sequencer

SOON_S = 5.0


@pytest.fixture
def pool():
    with ThreadPoolExecutor(max_workers=8) as executor:
        yield executor


def blocked(future):
    with pytest.raises(TimeoutError):
        future.result(timeout=0.05)
    return True


def drain(sequencer):
    items = []
    try:
        while True:
            items.append(sequencer.get())
    except Closed:
        return items


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_items_come_out_by_their_numbers(order):
    sequencer = Sequencer(4)
    for number in order:
        sequencer.put(number, f"item {number}")
    sequencer.close()
    assert drain(sequencer) == ["item 0", "item 1", "item 2", "item 3"]


def test_items_that_are_false_are_items():
    sequencer = Sequencer(3)
    for number, item in enumerate((None, 0, "")):
        sequencer.put(number, item)
    sequencer.close()
    assert drain(sequencer) == [None, 0, ""]


def test_the_getter_waits_for_the_next_number_however_many_later_ones_are_there(pool):
    sequencer = Sequencer(4)
    sequencer.put(1, "b")
    sequencer.put(2, "c")
    waiting = pool.submit(sequencer.get)
    assert blocked(waiting)
    sequencer.put(0, "a")
    assert waiting.result(timeout=SOON_S) == "a"
    assert sequencer.get() == "b"


def test_who_is_too_far_ahead_waits(pool):
    sequencer = Sequencer(2)
    sequencer.put(1, "b")
    ahead = pool.submit(sequencer.put, 2, "c")
    assert blocked(ahead)
    sequencer.put(0, "a")  # the one that is waited for always gets in
    assert blocked(ahead)
    assert sequencer.get() == "a"
    ahead.result(timeout=SOON_S)
    sequencer.close()
    assert drain(sequencer) == ["b", "c"]


def test_closing_lets_nothing_in_and_gives_what_is_next(pool):
    sequencer = Sequencer(2)
    sequencer.put(0, "a")
    ahead = pool.submit(sequencer.put, 5, "f")
    assert blocked(ahead)
    sequencer.close()
    sequencer.close()
    with pytest.raises(Closed):
        ahead.result(timeout=SOON_S)
    with pytest.raises(Closed):
        sequencer.put(1, "b")
    assert drain(sequencer) == ["a"]


def test_what_will_never_come_is_not_waited_for(pool):
    sequencer = Sequencer(4)
    sequencer.put(1, "b")
    waiting = pool.submit(sequencer.get)
    assert blocked(waiting)
    sequencer.close()
    with pytest.raises(Closed):
        waiting.result(timeout=SOON_S)


def test_discarding_throws_away_and_wakes_everybody(pool):
    sequencer = Sequencer(2)
    sequencer.put(0, "a")
    ahead = pool.submit(sequencer.put, 2, "c")
    assert blocked(ahead)
    sequencer.discard()
    with pytest.raises(Closed):
        ahead.result(timeout=SOON_S)
    with pytest.raises(Closed):
        sequencer.get()


def test_many_threads_in_any_order_neither_lose_nor_double_nor_swap(pool):
    count, workers = 400, 4
    sequencer = Sequencer(5)
    rng = np.random.default_rng(0)
    shares = [sorted(map(int, share)) for share in np.array_split(rng.permutation(count), workers)]

    def work(numbers):
        for number in numbers:
            sequencer.put(number, number)

    taking = pool.submit(drain, sequencer)
    for future in [pool.submit(work, share) for share in shares]:
        future.result(timeout=SOON_S)
    sequencer.close()
    assert taking.result(timeout=SOON_S) == list(range(count))

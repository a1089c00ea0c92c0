from monitor.web import throttle
from monitor.web.throttle import Throttle
from tests.fakes import FakeClock


def test_so_many_are_let_through_and_the_next_has_to_wait():
    clock = FakeClock()
    tries = Throttle(3, 60.0, clock)
    for _ in range(3):
        assert tries.wait_s("door") == 0.0
        tries.count("door")
        clock.advance(1)
    assert tries.wait_s("door") == 57.0


def test_the_window_slides():
    clock = FakeClock()
    tries = Throttle(2, 10.0, clock)
    tries.count("door")
    clock.advance(6)
    tries.count("door")
    assert tries.wait_s("door") == 4.0
    clock.advance(4)
    assert tries.wait_s("door") == 0.0
    tries.count("door")
    assert tries.wait_s("door") == 6.0


def test_every_key_is_counted_for_itself():
    tries = Throttle(1, 60.0, FakeClock())
    tries.count("one")
    assert tries.wait_s("one") > 0
    assert tries.wait_s("other") == 0


def test_asking_counts_nothing():
    tries = Throttle(1, 60.0, FakeClock())
    assert [tries.wait_s("door") for _ in range(100)] == [0.0] * 100


def test_who_goes_on_while_they_have_to_wait_does_not_wait_for_ever():
    clock = FakeClock()
    tries = Throttle(2, 10.0, clock)
    for _ in range(1000):
        tries.count("door")
    assert 0 < tries.wait_s("door") <= 10
    clock.advance(10)
    assert tries.wait_s("door") == 0.0


def test_a_key_that_is_forgotten_starts_anew():
    tries = Throttle(1, 60.0, FakeClock())
    tries.count("door")
    tries.forget("door")
    tries.forget("nobody")
    assert tries.wait_s("door") == 0.0


def test_a_flood_of_keys_is_not_kept_and_the_newest_stay():
    tries = Throttle(1, 60.0, FakeClock())
    many = 2 * throttle._MOST_KEYS
    for number in range(many):
        tries.count(str(number))
    assert len(tries._times_s) == throttle._MOST_KEYS
    assert tries.wait_s(str(many - 1)) > 0
    assert tries.wait_s("0") == 0

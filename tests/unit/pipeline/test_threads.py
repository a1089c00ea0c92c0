import threading

import pytest

from monitor.pipeline.threads import StuckError, ThreadGroup

SOON_S = 5.0


class Broken(Exception):
    pass


def fail(message="broken"):
    raise Broken(message)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    assert left == []


def test_everybody_works_and_join_waits_for_them():
    done = []
    with ThreadGroup() as threads:
        for name in "abc":
            threads.spawn(name, lambda name=name: done.append(name))
        threads.join(SOON_S)
    assert sorted(done) == ["a", "b", "c"]
    assert not threads.failed


def test_threads_are_named_and_keep_the_program_alive():
    seen = []
    with ThreadGroup() as threads:
        threads.spawn("decode", lambda: seen.append(threading.current_thread()))
        threads.join(SOON_S)
    assert (seen[0].name, seen[0].daemon) == ("decode", False)


def test_making_a_crew_starts_nothing():
    before = threading.active_count()
    threads = ThreadGroup()
    assert threading.active_count() == before
    threads.join(0)


def test_a_failure_is_raised_again_by_join():
    with ThreadGroup() as threads:
        threads.spawn("a", fail)
        with pytest.raises(Broken, match="broken"):
            threads.join(SOON_S)
    assert threads.failed


def test_the_first_failure_is_kept():
    first_failed = threading.Event()

    def second():
        first_failed.wait(SOON_S)
        fail("second")

    with ThreadGroup(on_failure=first_failed.set) as threads:
        threads.spawn("b", second)
        threads.spawn("a", lambda: fail("first"))
        with pytest.raises(Broken, match="first"):
            threads.join(SOON_S)


def test_a_failure_stops_the_others():
    with ThreadGroup() as threads:
        threads.spawn("waits", lambda: threads.stop.wait(SOON_S))
        assert not threads.stop.is_set()
        threads.spawn("fails", fail)
        with pytest.raises(Broken):
            threads.join(SOON_S)
    assert threads.stop.is_set()


def test_whoever_waits_elsewhere_is_woken_once():
    calls, together = [], threading.Barrier(2)

    def body():
        together.wait(SOON_S)
        fail()

    with ThreadGroup(on_failure=lambda: calls.append(1)) as threads:
        threads.spawn("a", body)
        threads.spawn("b", body)
        with pytest.raises(Broken):
            threads.join(SOON_S)
    assert calls == [1]


def test_without_a_failure_nobody_is_woken():
    calls = []
    with ThreadGroup(on_failure=lambda: calls.append(1)) as threads:
        threads.spawn("a", lambda: None)
        threads.join(SOON_S)
    assert calls == []


def test_who_is_stuck_is_named():
    go = threading.Event()
    with ThreadGroup() as threads:
        threads.spawn("decode", lambda: None)
        threads.spawn("detect", lambda: go.wait(SOON_S))
        threads.spawn("encode", lambda: go.wait(SOON_S))
        with pytest.raises(StuckError, match="detect, encode") as caught:
            threads.join(0.05)
        assert "decode" not in str(caught.value)
        go.set()
        threads.join(SOON_S)


def test_a_stuck_thread_does_not_hide_why_it_is_stuck():
    go = threading.Event()
    with ThreadGroup() as threads:
        threads.spawn("detect", fail)
        threads.spawn("encode", lambda: go.wait(SOON_S))
        threads.stop.wait(SOON_S)
        with pytest.raises(StuckError, match="encode") as caught:
            threads.join(0.05)
        assert isinstance(caught.value.__cause__, Broken)
        go.set()
        with pytest.raises(Broken):
            threads.join(SOON_S)


def test_asking_who_is_at_work():
    go = threading.Event()
    with ThreadGroup() as threads:
        threads.spawn("a", lambda: go.wait(SOON_S))
        assert threads.wait(0.01)
        go.set()
        assert not threads.wait(SOON_S)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, MemoryError])
def test_nothing_that_ends_a_thread_is_lost(kind):
    def body():
        raise kind

    with ThreadGroup() as threads:
        threads.spawn("a", body)
        with pytest.raises(kind):
            threads.join(SOON_S)


def test_an_error_of_the_owner_stops_the_crew():
    ended = []

    def body(threads):
        threads.stop.wait(SOON_S)
        ended.append(1)

    def work():
        with ThreadGroup() as threads:
            threads.spawn("a", lambda: body(threads))
            fail("owner")

    with pytest.raises(Broken, match="owner"):
        work()
    assert ended == [1]


def test_stopping_ends_those_who_wait_for_it():
    with ThreadGroup() as threads:
        threads.spawn("a", lambda: threads.stop.wait(SOON_S))
        threads.stop.set()
        threads.join(SOON_S)
    assert not threads.failed

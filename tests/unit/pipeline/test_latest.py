import threading
import time

import pytest

from monitor.pipeline.channel import Closed
from monitor.pipeline.latest import LatestFrames

SOON_S = 5.0


def test_the_newest_wins_and_the_older_is_told() -> None:
    frames: LatestFrames[int] = LatestFrames()
    assert [frames.offer("a", number) for number in range(3)] == [False, True, True]
    assert frames.take() == [("a", 2)]


def test_who_was_served_longest_ago_is_next() -> None:
    frames: LatestFrames[int] = LatestFrames()
    order = []
    for turn in range(12):
        for camera in "abc":
            frames.offer(camera, turn)
        [(camera, _)] = frames.take()
        frames.done(camera)
        order.append(camera)
    assert order == list("abc" * 4)


def test_one_that_floods_takes_no_turn_of_others() -> None:
    frames: LatestFrames[int] = LatestFrames()
    served = dict.fromkeys("abc", 0)
    superseded = 0
    for turn in range(30):
        superseded += sum(frames.offer("a", number) for number in range(50))
        frames.offer("b", turn)
        frames.offer("c", turn)
        for _ in range(3):
            [(camera, _)] = frames.take()
            frames.done(camera)
            served[camera] += 1
    assert served == dict.fromkeys("abc", 30)
    assert superseded == 30 * 49, "each picture that nobody looked at is told"


def test_a_newcomer_is_served_first() -> None:
    frames: LatestFrames[int] = LatestFrames()
    frames.offer("old", 1)
    [(camera, _)] = frames.take()
    frames.done(camera)
    frames.offer("old", 2)
    frames.offer("new", 1)
    assert frames.take() == [("new", 1)]


def test_a_batch_is_of_different_cameras() -> None:
    frames: LatestFrames[int] = LatestFrames()
    for camera in "abcde":
        frames.offer(camera, 1)
        frames.offer(camera, 2)
    assert frames.take(3) == [("a", 2), ("b", 2), ("c", 2)]
    assert frames.take(8) == [("d", 2), ("e", 2)]


def test_a_camera_is_with_one_taker_at_a_time() -> None:
    frames: LatestFrames[int] = LatestFrames()
    frames.offer("a", 1)
    frames.take()
    frames.offer("a", 2)
    frames.offer("b", 1)
    assert frames.take(8) == [("b", 1)]
    frames.done("a")
    assert frames.take(8) == [("a", 2)]


def test_what_waits_of_a_camera_that_is_gone_is_thrown_away() -> None:
    frames: LatestFrames[int] = LatestFrames()
    frames.offer("gone", 1)
    frames.offer("here", 1)
    frames.forget("gone")
    assert frames.take(8) == [("here", 1)]
    frames.forget("never seen")
    frames.done("never seen")


def taking(frames: LatestFrames[int], enough: threading.Event) -> tuple[threading.Thread, list[object]]:
    got: list[object] = []

    def body() -> None:
        try:
            got.append(frames.take(1, enough.is_set))
        except Closed:
            got.append(Closed)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, got


def test_close_lets_everybody_go_and_keeps_nothing() -> None:
    frames: LatestFrames[int] = LatestFrames()
    both = [taking(frames, threading.Event()) for _ in range(2)]
    frames.close()
    for thread, got in both:
        thread.join(SOON_S)
        assert got == [Closed]
    frames.offer("a", 1)
    with pytest.raises(Closed):
        frames.take()


def test_who_has_enough_is_let_go_by_wake() -> None:
    frames: LatestFrames[int] = LatestFrames()
    enough = threading.Event()
    leaver, left = taking(frames, enough)
    stayer, stayed = taking(frames, threading.Event())
    enough.set()
    frames.wake()
    leaver.join(SOON_S)
    assert left == [Closed]
    frames.offer("a", 1)
    stayer.join(SOON_S)
    assert stayed == [[("a", 1)]]


def test_nobody_sleeps_through_a_picture() -> None:
    """Takers and cameras at full speed: in the end every camera's newest picture has been taken."""
    frames: LatestFrames[int] = LatestFrames()
    last: dict[str, int] = {}
    lock = threading.Lock()

    def take() -> None:
        try:
            while True:
                for camera, number in frames.take(2):
                    with lock:
                        assert last.get(camera, -1) < number, "older than one that was taken before"
                        last[camera] = number
                    frames.done(camera)
        except Closed:
            pass

    def give(camera: str) -> None:
        for number in range(2000):
            frames.offer(camera, number)

    takers = [threading.Thread(target=take) for _ in range(3)]
    givers = [threading.Thread(target=give, args=(camera,)) for camera in "abcd"]
    for thread in takers + givers:
        thread.start()
    for thread in givers:
        thread.join()
    deadline = time.monotonic() + SOON_S
    while any(last.get(camera) != 1999 for camera in "abcd") and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    frames.close()
    for thread in takers:
        thread.join(SOON_S)
    assert last == dict.fromkeys("abcd", 1999)

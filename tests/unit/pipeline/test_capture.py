"""A capture thread's body with an injected clock: connections made, lost, and made again."""

import itertools
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    CloseReason,
    EventRecord,
    IncidentClosed,
    IncidentOpened,
    VisitEnded,
)
from monitor.domain.frame import Image
from monitor.domain.health import Condition, Drop, Health
from monitor.domain.ports import Source
from monitor.pipeline.backoff import Backoff
from monitor.pipeline.camera import Camera
from monitor.pipeline.capture import Capture, Captured
from monitor.pipeline.latest import LatestFrames
from tests.fakes import FakeCamera, FakeClock, checkers, flat
from tests.unit.pipeline.watched import BARE, SHARP, happened, watched

REFUSED = SourceError("nobody answers", Cause.REFUSED)
HUNG = SourceError("no picture for 5.0 s", Cause.TIMED_OUT)


class AnalysedAtOnce(LatestFrames[Captured]):
    """A worker that is always free."""

    def __init__(self, watched_camera: Camera) -> None:
        super().__init__()
        self._camera = watched_camera

    def offer(self, camera: str, item: Captured) -> bool:
        """Analyse the frame: there is somebody without a mask in each."""
        self._camera.analyse(item.frame, item.epoch, [BARE], 0.01, {})
        return False


class Bench:
    """A capture whose waiting moves the clock; it ends at `until_s`, or when there is no other source."""

    def __init__(self, sources: Iterable[Source], until_s: float = 1e9, **settings: object) -> None:
        self.clock = FakeClock(1000.0)
        self.stop = threading.Event()
        self.records: list[EventRecord] = []
        self.waits: list[float] = []
        self.opened_s: list[float] = []
        self.knocks: list[float] = []
        self.there: Callable[[], bool] = lambda: True
        self.camera = watched(self.records.append, self.clock, **settings)
        self._sources = iter(sources)
        self._until_s = until_s

    def run(self, frames: LatestFrames[Captured] | None = None, chance: random.Random | None = None) -> None:
        """Capture until the end."""
        backoff = Backoff(self.camera.settings.capture.reconnect_max_s, chance or random.Random(1))
        Capture(
            self.camera,
            self._next,
            self._is_reachable,
            frames or AnalysedAtOnce(self.camera),
            backoff,
            self.clock,
            self.stop,
            self._pause,
        ).run()

    def health(self) -> Health:
        """Return what would be shown now."""
        return self.camera.session.assess(self.clock.now_s, None)[1]

    def _next(self) -> Source:
        self.opened_s.append(self.clock.now_s)
        source = next(self._sources, None)
        if source is None:
            self.stop.set()
            return FakeCamera(self.clock, [], open_error=SourceError("the test is over"))
        return source

    def _is_reachable(self) -> bool:
        self.knocks.append(self.clock.now_s)
        return self.there()

    def _pause(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        if self.clock.now_s >= self._until_s:
            self.stop.set()
        return self.stop.is_set()


def moving(count: int) -> Iterator[Image]:
    return (checkers(240, 320, 12 + number % 5) for number in range(count))


def test_a_camera_that_hangs_up_is_lost_and_restored() -> None:
    bench = Bench([])
    bench._sources = iter([FakeCamera(bench.clock, moving(30)), FakeCamera(bench.clock, moving(30))])
    bench.run()
    assert [type(event) for event in happened(bench.records) if isinstance(event, CameraLost | CameraRestored)] == [
        CameraLost,
        CameraRestored,
        CameraLost,
    ]


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_is_shown_and_tried_again(cause: Cause) -> None:
    bench = Bench([])
    shown = []

    def failing() -> Iterator[Source]:
        for _ in range(3):
            yield FakeCamera(bench.clock, [], open_error=SourceError("words", cause))
            shown.append(bench.health())

    bench._sources = failing()
    bench.run()
    assert [(health.condition, health.cause, health.detail) for health in shown] == [
        (Condition.LOST, cause, "words")
    ] * 3


def test_what_nobody_foresaw_is_shown_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([])
    broken = FakeCamera(bench.clock, [*moving(20), ZeroDivisionError("a driver's mistake")])
    bench._sources = iter([broken, FakeCamera(bench.clock, moving(5))])
    with caplog.at_level(logging.ERROR):
        bench.run()
    assert "a driver's mistake" in caplog.text
    assert broken.closed == 1, "the device is given back"
    lost = next(event for event in happened(bench.records) if isinstance(event, CameraLost))
    assert lost.cause is Cause.UNEXPECTED
    assert any(isinstance(event, CameraRestored) for event in happened(bench.records))


def test_every_source_is_closed_whatever_became_of_it() -> None:
    bench = Bench([])
    sources = [
        FakeCamera(bench.clock, [], open_error=REFUSED),
        FakeCamera(bench.clock, [*moving(3), HUNG]),
        FakeCamera(bench.clock, []),
        FakeCamera(bench.clock, [ValueError("odd")]),
    ]
    bench._sources = iter(sources)
    bench.run()
    assert [(source.opened, source.closed) for source in sources] == [(1, 1)] * 4


def test_a_recording_that_is_over_is_said_and_not_tried_again() -> None:
    class Recorder(FakeCamera):
        def grab(self) -> float | None:
            try:
                return super().grab()
            except SourceError:
                return None

    bench = Bench([])
    bench._sources = iter([Recorder(bench.clock, moving(30)), FakeCamera(bench.clock, moving(1))])
    bench.run()
    assert len(bench.opened_s) == 1
    assert (bench.health().condition, bench.health().cause) == (Condition.LOST, Cause.ENDED)
    assert "loop: true" in bench.health().detail


def test_waits_grow_while_nothing_comes_and_begin_anew_after_a_good_connection() -> None:
    bench = Bench([], capture={"reconnect_max_s": 30})
    refused = [FakeCamera(bench.clock, [], open_error=REFUSED) for _ in range(9)]
    good = FakeCamera(bench.clock, moving(200))
    bench._sources = iter([*refused, good, FakeCamera(bench.clock, [], open_error=REFUSED)])
    bench.run()
    gaps = [later - earlier for earlier, later in itertools.pairwise(bench.opened_s)]
    assert gaps[:6] == sorted(gaps[:6])
    assert 22.5 <= gaps[8] <= 30
    assert gaps[9] - 20 <= 0.5, "it held for 20 s"


def test_a_slow_open_is_no_good_connection() -> None:
    """An open that takes long and a read that times out: 13 s in which not one picture came."""
    bench = Bench([])

    class Slow(FakeCamera):
        def open(self):
            self._clock.advance(8.0)
            return super().open()

    bench._sources = iter([Slow(bench.clock, [5.0, HUNG]) for _ in range(8)])
    bench.run()
    gaps = [later - earlier - 13 for earlier, later in itertools.pairwise(bench.opened_s)]
    assert gaps[-1] > 20, "the wait has grown"


def test_a_camera_that_answers_again_is_not_left_waiting() -> None:
    """Its switch was off for ten minutes; the next try would have been half a minute away."""
    bench = Bench([])
    back_s = bench.clock.now_s + 600

    def until_back() -> Iterator[Source]:
        while bench.clock.now_s < back_s:
            yield FakeCamera(bench.clock, [], open_error=REFUSED)
        yield FakeCamera(bench.clock, moving(5))

    bench.there = lambda: bench.clock.now_s >= back_s
    bench._sources = until_back()
    bench.run()
    assert back_s <= bench.opened_s[-2] <= back_s + 1.1
    assert len(bench.opened_s) < 40, "and nobody was stormed"
    assert len(bench.knocks) < 700, "one question a second"


def test_a_camera_that_answers_and_refuses_is_left_in_peace() -> None:
    """A wrong password, tried too often, locks the account of many a camera."""
    bench = Bench([], until_s=1600.0)
    denied = SourceError("refuses the password", Cause.WRONG_PASSWORD)
    bench._sources = (FakeCamera(bench.clock, [], open_error=denied) for _ in itertools.count())
    bench.run()
    assert len(bench.opened_s) <= 30
    assert len(bench.knocks) <= 30


@pytest.mark.parametrize("seed", range(3))
def test_ten_minutes_of_flapping(seed: int) -> None:
    """Connections of any length, failures of every kind: no storm, nobody left behind, no incident left open."""
    chance = random.Random(seed)
    bench = Bench([], until_s=1600.0)
    made: list[FakeCamera] = []
    shown: Counter[Condition] = Counter()

    def flapping() -> Iterator[Source]:
        while True:
            shown[bench.health().condition] += 1
            if chance.random() < 0.4:
                source = FakeCamera(bench.clock, [chance.choice([0.1, 2.0])], open_error=chance.choice([REFUSED, HUNG]))
            else:
                steps: list[Image | float | Exception] = list(moving(round(chance.expovariate(1 / 40))))
                end = chance.choice([[5.0, HUNG], [REFUSED], [KeyError("odd")], []])
                source = FakeCamera(bench.clock, [*steps, *end])
            made.append(source)
            yield source

    bench._sources = flapping()
    bench.there = lambda: chance.random() < 0.5
    bench.run(chance=random.Random(seed))
    bench.camera.end(bench.clock.now_s)

    seconds = bench.clock.now_s - 1000
    assert seconds >= 600
    assert 10 < len(made) < seconds, "tried again and again, but never more than once a second on average"
    assert min(later - earlier for earlier, later in itertools.pairwise(bench.opened_s)) >= 0.375
    assert all(source.closed == 1 for source in made if source.opened)
    events = happened(bench.records)
    opened = [event.incident_id for event in events if isinstance(event, IncidentOpened)]
    closed = [event.incident_id for event in events if isinstance(event, IncidentClosed)]
    assert opened, "people were seen"
    assert sorted(opened) == sorted(closed), "every incident that was opened is closed, once"
    assert len(set(opened)) == len(opened)
    assert {event.reason for event in events if isinstance(event, IncidentClosed)} <= {
        CloseReason.SOURCE_LOST,
        CloseReason.SOURCE_ENDED,
    }
    assert [isinstance(event, CameraLost) for event in events if isinstance(event, CameraLost | CameraRestored)] == [
        number % 2 == 0 for number in range(sum(isinstance(event, CameraLost | CameraRestored) for event in events))
    ], "lost and restored in turns"
    assert any(isinstance(event, VisitEnded) for event in events)
    assert set(shown) <= {Condition.STARTING, Condition.LOST}


def test_waiting_ends_at_once_when_told_to_stop() -> None:
    bench = Bench([], until_s=1000.1)
    bench._sources = (FakeCamera(bench.clock, [], open_error=REFUSED) for _ in itertools.count())
    bench.run()
    assert len(bench.opened_s) == 1


def test_a_frame_that_comes_after_the_stop_is_nobodys() -> None:
    bench = Bench([])

    class LastFrame(FakeCamera):
        def grab(self) -> float | None:
            time_s = super().grab()
            bench.stop.set()
            return time_s

    source = LastFrame(bench.clock, moving(3))
    bench._sources = iter([source])
    frames: LatestFrames[Captured] = LatestFrames()
    bench.run(frames)
    assert source.retrieved == 0
    assert not frames.offer("door", None), "nothing waits in the slot"  # type: ignore[arg-type]


def test_frames_that_nobody_asked_for_are_not_converted() -> None:
    bench = Bench([], detect_fps=2)
    source = FakeCamera(bench.clock, moving(100))
    bench._sources = iter([source])
    bench.run()
    status = bench.camera.session.status(bench.clock.now_s)
    assert 20 <= source.retrieved <= 22
    assert status.drops[Drop.SKIPPED] == 100 - source.retrieved
    assert status.frames == 100


def test_a_superseded_frame_is_told() -> None:
    bench = Bench([], detect_fps="auto")
    bench._sources = iter([FakeCamera(bench.clock, moving(100))])
    bench.run(LatestFrames())
    assert bench.camera.session.status(bench.clock.now_s).drops[Drop.SUPERSEDED] == 99


def test_a_frame_that_cannot_be_decoded_is_told_and_passed_over() -> None:
    bench = Bench([], detect_fps="auto")

    class Smeared(FakeCamera):
        def retrieve(self):
            if self._index % 3 == 0:
                raise SourceError("cannot be decoded", Cause.UNDECODABLE)
            return super().retrieve()

    bench._sources = iter([Smeared(bench.clock, moving(30))])
    bench.run()
    status = bench.camera.session.status(bench.clock.now_s)
    assert (status.drops[Drop.CORRUPT], status.analysed) == (10, 20)


def test_pictures_that_come_late_are_not_judged_and_the_way_is_cleared() -> None:
    bench = Bench([], detect_fps="auto")
    clogged = FakeCamera(bench.clock, moving(600), media=lambda now_s: min(now_s, 1003.0 + (now_s - 1003.0) / 4))
    clear = FakeCamera(bench.clock, moving(20), media=lambda now_s: now_s)
    bench._sources = iter([clogged, clear])
    bench.run()
    assert len(bench.opened_s) == 3, "the camera was connected anew before its 60 s were over"
    assert bench.opened_s[1] - bench.opened_s[0] < 15
    status = bench.camera.session.status(bench.clock.now_s)
    assert status.drops[Drop.LATE] > 30
    lost = next(event for event in happened(bench.records) if isinstance(event, CameraLost))
    assert lost.cause is Cause.LAGGING


def test_frames_that_the_source_passes_over_are_counted_as_what_they_were() -> None:
    """Those of a connection that ends in the middle of them too."""
    bench = Bench([], detect_fps="auto")

    class Hurrying(FakeCamera):
        def grab(self):
            self.late_frames += 4 if self._index % 10 == 5 else 0
            self.lost_frames += 1 if self._index % 20 == 7 else 0
            if self._index == 55:
                self.lost_frames += 2
                raise SourceError("nothing but garbage", Cause.UNDECODABLE)
            return super().grab()

    bench._sources = iter([Hurrying(bench.clock, moving(60))])
    bench.run()
    status = bench.camera.session.status(bench.clock.now_s)
    assert status.drops[Drop.LATE] == 4 * 6
    assert status.drops[Drop.CORRUPT] == 3 + 2
    assert status.frames == 56 + 4 * 6 + 5
    assert status.frames == status.analysed + sum(status.drops.values()), "every frame is accounted for"


def test_what_waited_while_the_stream_was_opened_does_not_pass_for_new() -> None:
    bench = Bench([], detect_fps="auto")

    class Stored(FakeCamera):
        """Gives what was stored at once, and then a picture each tenth of a second."""

        def grab(self) -> float | None:
            self._period_s = 0.0 if self._index < 5 else 0.1
            return super().grab()

    bench._sources = iter([Stored(bench.clock, moving(30))])
    bench.run()
    assert bench.camera.session.status(bench.clock.now_s).analysed == 24


@pytest.mark.parametrize("stated_fps", [1.0, 15.0, 90.0])
def test_a_camera_that_states_a_wrong_rate_is_looked_at_all_the_same(stated_fps: float) -> None:
    bench = Bench([], detect_fps="auto")

    class Boaster(FakeCamera):
        def open(self):
            info = super().open()
            return type(info)(info.width_px, info.height_px, stated_fps, None, None, live=True)

    bench._sources = iter([Boaster(bench.clock, moving(300), period_s=0.033)])
    bench.run()
    assert bench.camera.session.status(bench.clock.now_s).analysed > 200


class Flooding(FakeCamera):
    """Ten frames a second for so long, then 500, which is as fast as pictures decode."""

    def __init__(self, clock: FakeClock, well_s: float = 0.0, frames: int = 2000, stated_fps: float = 25.0) -> None:
        super().__init__(clock, moving(round(10 * well_s) + frames))
        self._well_s = well_s
        self._stated_fps = stated_fps

    def open(self):
        self._flood_s = self._clock.now_s + self._well_s
        return replace(super().open(), fps=self._stated_fps)

    def grab(self) -> float | None:
        self._period_s = 0.1 if self._clock.now_s < self._flood_s else 0.002
        return super().grab()


def test_a_stream_that_floods_is_disconnected_and_said() -> None:
    bench = Bench([])
    source = Flooding(bench.clock)
    bench._sources = iter([source])
    bench.run()
    status = bench.camera.session.status(bench.clock.now_s)
    assert status.frames == status.drops[Drop.SKIPPED] == 201, "and not one was converted"
    assert source.closed == 1


def test_one_that_floods_waits_longest_before_each_try() -> None:
    """However well it does for a while: each flood takes from the other cameras."""
    bench = Bench([], capture={"reconnect_max_s": 30})
    shown: list[Health] = []

    def floods() -> Iterator[Source]:
        for _ in range(4):
            yield Flooding(bench.clock, well_s=15.0)
            shown.append(bench.health())

    bench._sources = floods()
    bench.run()
    assert {(health.condition, health.cause) for health in shown} == {(Condition.LOST, Cause.FLOODING)}
    assert "sends at least 100 frames per second" in shown[0].detail
    gaps = [later - earlier for earlier, later in itertools.pairwise(bench.opened_s)]
    assert all(22.5 <= gap - 17.0 <= 31 for gap in gaps)
    assert len(bench.knocks) == 1, "only at the end of the test: that it answers is no reason to come sooner"


@pytest.mark.parametrize(("stated_fps", "fps", "lost"), [(25.0, 70, 0), (25.0, 90, 1), (60.0, 110, 0), (240.0, 160, 1)])
def test_twice_the_rate_that_a_stream_states_is_a_flood(stated_fps: float, fps: int, lost: int) -> None:
    bench = Bench([], detect_fps="auto")

    class Fast(FakeCamera):
        def open(self):
            return replace(super().open(), fps=stated_fps)

    bench._sources = iter([Fast(bench.clock, moving(1000), period_s=1 / fps)])
    bench.run()
    assert (bench.camera.session.status(bench.clock.now_s).frames < 1000) == bool(lost)


def test_frames_that_were_held_up_are_no_flood() -> None:
    bench = Bench([])
    bench._sources = iter([Flooding(bench.clock, well_s=20.0, frames=190)])
    bench.run()
    assert bench.camera.session.status(bench.clock.now_s).frames == 390


def test_a_burst_is_read_little_faster_than_what_is_called_a_flood() -> None:
    """Decoding it at once would keep a core from the other cameras."""
    bench = Bench([])
    bench._sources = iter([Flooding(bench.clock, frames=150)])
    bench.run()
    pauses = [wait for wait in bench.waits if wait <= 1 / 100]
    assert 1.4 <= sum(pauses) <= 1.5


def test_a_recording_that_catches_up_is_no_flood() -> None:
    bench = Bench([], source="gate.mp4")
    bench._sources = iter([Flooding(bench.clock)])
    bench.run()
    assert bench.camera.session.status(bench.clock.now_s).frames == 2000


def test_a_frozen_picture_is_stale_and_a_change_makes_it_live_again() -> None:
    bench = Bench([], detect_fps="auto")
    seen: list[Health] = []

    class Watched(FakeCamera):
        def grab(self) -> float | None:
            seen.append(bench.health())
            return super().grab()

    still = checkers(240, 320)
    bench._sources = iter([Watched(bench.clock, [*moving(10), *[still] * 150, *moving(10)])])
    bench.run()
    assert seen[100].condition is Condition.LIVE
    assert (seen[130].condition, seen[130].cause) == (Condition.STALE, Cause.FROZEN)
    assert seen[-1].condition is Condition.LIVE


def test_a_black_picture_is_told_and_light_makes_it_live_again() -> None:
    bench = Bench([], detect_fps="auto")
    seen: list[Health] = []

    class Watched(FakeCamera):
        def grab(self) -> float | None:
            seen.append(bench.health())
            return super().grab()

    bench._sources = iter([Watched(bench.clock, [*moving(10), *[flat(240, 320, 0)] * 150, SHARP, SHARP, SHARP])])
    bench.run()
    assert (seen[80].condition, seen[80].cause) == (Condition.DEGRADED, Cause.BLACK)
    assert (seen[155].condition, seen[155].cause) == (Condition.DEGRADED, Cause.BLACK), "not frozen: black"
    assert seen[-1].condition is Condition.LIVE


def test_the_hour_may_jump_without_changing_a_verdict() -> None:
    """Summer time, a clock set by the network: only `utc` moves, and nobody's age changes."""
    bench = Bench([], detect_fps="auto")

    class Jumping(FakeCamera):
        def grab(self) -> float | None:
            self._clock.utc = self._clock.utc.replace(year=1980 if self._index % 2 else 2040)
            assert bench.health().condition in (Condition.LIVE, Condition.STARTING)
            return super().grab()

    bench._sources = iter([Jumping(bench.clock, moving(60))])
    bench.run()
    assert bench.camera.session.status(bench.clock.now_s).analysed == 60
    opened = next(event for event in happened(bench.records) if isinstance(event, IncidentOpened))
    assert opened.time_s == pytest.approx(1000 + 1.3, abs=1.0)

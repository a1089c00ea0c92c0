import json

import numpy as np
import pytest

from monitor.bench.viewer import ClockOffset, Watcher, header_of
from monitor.domain.frame import Frame
from monitor.domain.track import Analysis
from monitor.outputs.live_view import LivePicture, Shape
from monitor.web.hub import ViewSpec, packed
from tests.fakes import FakeClock


def message(clock: FakeClock, *, stale: bool = False, camera: str = "door") -> bytes:
    frame = Frame(np.zeros((9, 16, 3), np.uint8), camera, 0, clock.now_s, clock.utc)
    return packed(ViewSpec(camera, Shape(320)), LivePicture(1, b"jpeg", Analysis(frame, (), 0.0, 0.0), stale), clock)


def milliseconds(clock: FakeClock) -> float:
    return clock.utc.timestamp() * 1000


def test_it_reads_what_the_hub_packs():
    clock = FakeClock()
    header = header_of(message(clock, camera="Café"))
    assert (header["camera"], header["stale"]) == ("Café", False)
    assert header["captured_ms"] == pytest.approx(milliseconds(clock), abs=1)


def test_the_shortest_round_trip_gives_the_clock_offset():
    apart = ClockOffset()
    apart.answered(sent_ms=1000, got_ms=1400, remote_ms=6900)  # held up on one way
    apart.answered(sent_ms=2000, got_ms=2010, remote_ms=7005)
    apart.answered(sent_ms=3000, got_ms=3500, remote_ms=8000)
    assert apart.ahead_ms == 5000
    assert apart.age_ms(captured_ms=9000, now_ms=4250) == 250


def test_ages_counts_and_what_is_no_newer():
    clock, watcher = FakeClock(), Watcher()
    first = message(clock)
    now_ms = milliseconds(clock)
    watcher.take(json.dumps({"type": "pong", "ping": now_ms, "now_ms": now_ms}, separators=(",", ":")), now_ms)
    watcher.take(first, now_ms + 80)
    clock.advance(0.2)
    watcher.take(message(clock), now_ms + 300)
    watcher.take(message(clock), now_ms + 310)
    watcher.take(message(clock, stale=True), now_ms + 3000)
    watcher.take(message(clock, camera="gate"), now_ms + 3000)
    values = watcher.stretch.values()
    assert values["ages_ms"] == pytest.approx([80, 100, 110, 2800, 2800], abs=1)
    assert values["pictures"] == {"door": 4, "gate": 1}
    assert (values["repeated"], values["stale"]) == (1, 1)
    assert values["bytes"] > len(first)


def test_an_incident_is_timed_when_it_is_first_heard_of():
    clock, watcher = FakeClock(), Watcher()
    now_ms = milliseconds(clock)

    def told(name: str, closed_at: str | None, after_ms: float) -> None:
        incident = {"id": name, "opened_at": clock.utc.isoformat(), "closed_at": closed_at}
        text = json.dumps({"type": "incident", "incident": incident}, separators=(",", ":"))
        watcher.take(text, now_ms + after_ms)

    told("one", None, 120)
    told("one", None, 4000)  # somebody judged it
    told("two", clock.utc.isoformat(), 900)  # closed, and heard of only now
    assert watcher.stretch.values()["incidents_ms"] == pytest.approx([120], abs=1)

"""A viewer in its own process: the client side of the live socket, without a page.

`python -m monitor.bench.viewer URL WIDTH CAMERA...` connects and receives. It prints `ready` with its first picture;
the line `begin` on its standard input starts a measurement, `end` prints its figures as one line of JSON, and the end
of the input ends the process.
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_PING_EVERY_S = 2.0


class ClockOffset:
    """How far the monitor's clock is ahead of the local one, by the pong with the shortest round trip."""

    def __init__(self) -> None:
        self.ahead_ms = 0.0
        self._trip_ms = float("inf")

    def answered(self, sent_ms: float, got_ms: float, remote_ms: float) -> None:
        """Add a pong: when the ping was sent and the pong received by the local clock, and the monitor's timestamp."""
        if got_ms - sent_ms <= self._trip_ms:
            self._trip_ms = got_ms - sent_ms
            self.ahead_ms = remote_ms - (sent_ms + got_ms) / 2

    def age_ms(self, captured_ms: float, now_ms: float) -> float:
        """Return the age of a picture in milliseconds at `now_ms` of the local clock."""
        return now_ms + self.ahead_ms - captured_ms


@dataclass(slots=True)
class Stretch:
    """What was received in a period: ages on arrival of pictures and of opened incidents, and counts."""

    began_s: float = field(default_factory=time.monotonic)
    cpu_s: float = field(default_factory=time.process_time)
    ages_ms: list[float] = field(default_factory=list)
    incidents_ms: list[float] = field(default_factory=list)
    pictures: Counter[str] = field(default_factory=Counter)
    stale: int = 0
    repeated: int = 0
    received_bytes: int = 0

    def values(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "seconds": time.monotonic() - self.began_s,
            "cpu_s": time.process_time() - self.cpu_s,
            "ages_ms": [round(age, 1) for age in self.ages_ms],
            "incidents_ms": [round(age, 1) for age in self.incidents_ms],
            "pictures": dict(self.pictures),
            "stale": self.stale,
            "repeated": self.repeated,
            "bytes": self.received_bytes,
        }


class Watcher:
    """Counts what the socket sends."""

    def __init__(self) -> None:
        self.stretch = Stretch()
        self._offset = ClockOffset()
        self._newest: dict[str, float] = {}
        self._incidents: set[str] = set()

    def take(self, message: str | bytes, now_ms: float) -> None:
        """Add one message of the socket."""
        stretch = self.stretch
        stretch.received_bytes += len(message)
        if isinstance(message, str):
            if message.startswith('{"type":"pong"'):
                pong = json.loads(message)
                self._offset.answered(pong["ping"], now_ms, pong["now_ms"])
            elif message.startswith('{"type":"incident"'):
                self._incident(json.loads(message)["incident"], now_ms)
            return
        header = header_of(message)
        camera, captured_ms = header["camera"], header["captured_ms"]
        stretch.pictures[camera] += 1
        stretch.stale += header["stale"]
        stretch.repeated += captured_ms <= self._newest.get(camera, 0) and not header["stale"]
        self._newest[camera] = captured_ms
        stretch.ages_ms.append(self._offset.age_ms(captured_ms, now_ms))

    def _incident(self, incident: Mapping[str, Any], now_ms: float) -> None:
        """Record how long ago an incident opened, when it is first received."""
        if incident["id"] not in self._incidents and incident["closed_at"] is None:
            opened_ms = 1000 * datetime.fromisoformat(incident["opened_at"]).timestamp()
            self.stretch.incidents_ms.append(self._offset.age_ms(opened_ms, now_ms))
        self._incidents.add(incident["id"])


def header_of(message: bytes) -> dict[str, Any]:
    """Return the header of a picture message in the layout of `monitor.web.hub.packed`."""
    end = 2 + int.from_bytes(message[:2], "big")
    header: dict[str, Any] = json.loads(message[2:end])
    return header


def watch(url: str, width: int, cameras: Sequence[str]) -> None:
    """Receive until standard input ends."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    watcher, is_ready = Watcher(), False
    with connect(f"{url.replace('http', 'ws', 1)}api/v1/live", compression=None, max_size=None, proxy=None) as socket:
        socket.send(json.dumps({"watch": {camera: {"width": width} for camera in cameras}}))

        def read_commands() -> None:
            for line in sys.stdin:
                if line == "begin\n":
                    watcher.stretch = Stretch()
                elif line == "end\n":
                    _print_line(json.dumps(watcher.stretch.values()))
            socket.close()

        threading.Thread(target=read_commands, name="commands").start()
        pinged_s = float("-inf")
        try:
            for message in socket:
                watcher.take(message, 1000 * time.time())
                if not is_ready and isinstance(message, bytes):
                    is_ready = True
                    _print_line("ready")
                if (now_s := time.monotonic()) - pinged_s >= _PING_EVERY_S:
                    pinged_s = now_s
                    socket.send(json.dumps({"ping": 1000 * time.time()}))
        except ConnectionClosed as error:
            _print_line(json.dumps({"closed": str(error)}))


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    watch(sys.argv[1], int(sys.argv[2]), sys.argv[3:])

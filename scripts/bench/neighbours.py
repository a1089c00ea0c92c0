"""Neighbours in the network who mean no good, each on a thread of its own, with addresses of their own on loopback."""

import base64
import contextlib
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from socket import create_connection, socket
from urllib.parse import urlencode

from scripts.bench.bodies import bomb
from scripts.bench.hostile import code_of, frame_of, handshake

_TIMEOUT_S = 30.0
_JSON = {"Content-Type": "application/json"}

_SILENT = 200
_SLOW = 20
_GUESSES_AT_ONCE = 16
_SOCKETS = 12
_QUERIES = 6
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Target:
    """The monitor that is attacked, the token of an account that may see its pages, its cameras, and a good picture."""

    host: str
    port: int
    token: str
    cameras: Sequence[str]
    picture: bytes

    def reach(self, source: str) -> socket:
        """Return a connection from an address of loopback."""
        connection = create_connection((self.host, self.port), _TIMEOUT_S, (source, 0))
        connection.settimeout(_TIMEOUT_S)
        return connection

    def request(self, method: str, path: str, body: str, source: str, *, known: bool) -> str:
        """Return the code that one request is answered with, "0" for none; with the token if `known`."""
        headers = _JSON | ({"Authorization": f"Bearer {self.token}"} if known else {})
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S, source_address=(source, 0))
        with contextlib.closing(connection):
            return code_of(connection, method, path, body, headers)


Act = Callable[[Target, threading.Event], Sequence[str]]


def stay_silent(target: Target, stop: threading.Event) -> Sequence[str]:
    """Hold connections, and say nothing."""
    with contextlib.ExitStack() as held:
        for number in range(_SILENT):
            held.enter_context(target.reach(f"127.0.1.{number % 4 + 1}"))
        stop.wait(4)
    return ["held"] * _SILENT


def send_slowly(target: Target, stop: threading.Event) -> Sequence[str]:
    """Send requests byte by byte, and none to its end."""
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(target.reach("127.0.2.1")) for _ in range(_SLOW)]
        for byte in b"POST /predict HTTP/1.1\r\n":
            for each in slow:
                each.sendall(bytes([byte]))
            if stop.wait(0.3):
                break
    return ["begun"] * _SLOW


def guess_passwords(target: Target, stop: threading.Event) -> Sequence[str]:
    """Try wrong passwords of one account and of many, in parallel."""

    def guess(number: int) -> str:
        body = json.dumps({"name": "ada" if number % 2 else f"guard-{number}", "password": f"guess-{number}"})
        return target.request("POST", "/api/v1/session", body, f"127.0.3.{number % 8 + 1}", known=False)

    with ThreadPoolExecutor(_GUESSES_AT_ONCE) as pool:
        return list(pool.map(guess, range(_GUESSES_AT_ONCE)))


def send_photographs(target: Target, stop: threading.Event) -> Sequence[str]:
    """Send pictures that unfold to gigabytes, a good one, and rubbish."""
    rubbish = b"\xff\xd8" + bytes(2000)
    return [
        target.request(
            "POST", "/predict", json.dumps({"image": base64.b64encode(data).decode()}), "127.0.4.1", known=True
        )
        for data in (bomb(), target.picture, rubbish)
    ]


def drop_sockets(target: Target, stop: threading.Event) -> Sequence[str]:
    """Open live sockets that ask for every camera and never read, and drop them."""
    wish = frame_of(json.dumps({"watch": {camera: {"width": 640} for camera in target.cameras}}).encode())
    request = handshake(f"{target.host}:{target.port}", f"Authorization: Bearer {target.token}")
    with contextlib.ExitStack() as held:
        for _ in range(_SOCKETS):
            held.enter_context(target.reach("127.0.5.1")).sendall(request + wish)
        stop.wait(1.5)
    return ["dropped"] * _SOCKETS


def ask_for_years(target: Target, stop: threading.Event) -> Sequence[str]:
    """Ask for the statistics of a year, several at once, each in a time zone of its own."""

    now = datetime.now(UTC)

    def ask(number: int) -> str:
        query = urlencode(
            {
                "by": "hour",
                "since": (now - _YEAR).isoformat(),
                "until": now.isoformat(),
                "zone": f"Etc/GMT-{number + 1}",
            }
        )
        return target.request("GET", f"/api/v1/statistics?{query}", "", "127.0.6.1", known=True)

    with ThreadPoolExecutor(_QUERIES) as pool:
        return list(pool.map(ask, range(_QUERIES)))


#: What each does, and how long it rests in between.
ACTS: Sequence[tuple[Act, float]] = (
    (stay_silent, 1.0),
    (send_slowly, 1.0),
    (guess_passwords, 1.0),
    (send_photographs, 2.0),
    (drop_sockets, 1.0),
    (ask_for_years, 1.0),
)


@dataclass(slots=True)
class Neighbours:
    """What the neighbours have done, and what they were answered, by kind; "no connection" is one cut off."""

    answers: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """Answers that say that the monitor failed: 5xx, but for 503, which says to come again."""
        return [
            f"{kind}: {count} x {answer}"
            for kind, counted in self.answers.items()
            for answer, count in counted.items()
            if answer[:1] == "5" and answer != "503"
        ]


@contextlib.contextmanager
def attacking(target: Target) -> Iterator[Neighbours]:
    """Attack until the block ends."""
    stop, neighbours = threading.Event(), Neighbours()

    def go_on(act: Act, rest_s: float, counted: Counter[str]) -> None:
        for _ in itertools.count():
            try:
                counted.update(act(target, stop))
            except OSError:
                counted["no connection"] += 1
            if stop.wait(rest_s):
                return

    threads = []
    for act, rest_s in ACTS:
        counted = neighbours.answers[act.__name__.replace("_", " ")] = Counter()
        threads.append(threading.Thread(target=go_on, args=(act, rest_s, counted), name=act.__name__))
    for thread in threads:
        thread.start()
    try:
        yield neighbours
    finally:
        stop.set()
        for thread in threads:
            thread.join()

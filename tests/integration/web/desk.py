"""The whole monitor with its pages: real pipeline, journal, server and sockets; only cameras and detector are ours."""

import contextlib
import itertools
import json
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from monitor.app.watching import build_live, live_database, live_folder
from monitor.app.web_server import WebServer
from monitor.config.settings import Settings
from monitor.domain.account import Account, Role
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.detection import Detection, MaskState
from monitor.domain.errors import ModelError, SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.pipeline.monitor import Inference, Monitor
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import make_folder
from monitor.storage.incidents import Incident, IncidentRepository, Search
from monitor.storage.run_info import CurrentRun, RunInfo
from monitor.web.model import Model
from tests.conftest import PROJECT
from tests.fakes import FACE, WITHOUT, AnsweringDetector, noise
from tests.live.watch import until

MODEL = PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256"
PASSWORD = "correct horse battery"
SECRET = "hunter2-s3cret"

ADMIN = Account("ada", Role.ADMIN)
OPERATOR = Account("otto", Role.OPERATOR)
VIEWER = Account("vera", Role.VIEWER)
DOOR_VIEWER = Account("doris", Role.VIEWER, frozenset({"door"}))
DOOR_OPERATOR = Account("oscar", Role.OPERATOR, frozenset({"door"}))
EVERYBODY = (ADMIN, OPERATOR, VIEWER, DOOR_VIEWER, DOOR_OPERATOR)

#: A person is judged at once, and their violation is soon an incident.
RULES = {"dwell_s": 0.2, "cooldown_s": 0, "false_alarm_rate": 0.1}
_MARK_PX = 8

#: Made once: it takes longer than most requests.
_NO_TLS = ssl.create_default_context()


class ShiftedClock(SystemClock):
    """The machine's clocks, set forward as a test wishes."""

    def __init__(self) -> None:
        self._by_s = 0.0
        self._set_by = timedelta()

    def skip(self, seconds: float) -> None:
        self._by_s += seconds

    def set_back(self, by: timedelta) -> None:
        """Set the wall clock back; the monotonic one cannot be set."""
        self._set_by -= by

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._by_s

    def utc_now(self) -> datetime:
        return super().utc_now() + timedelta(seconds=self._by_s) + self._set_by


class Door:
    """A camera, ten pictures a second; a test may say who stands before it, pull its plug, or let it hang."""

    def __init__(self, name: str, number: int) -> None:
        self.source_id = name
        self.refusal = "no camera answers there"
        self.end_reason = EndReason.FAILED
        self.lost_frames = 0
        self.late_frames = 0
        self.media_s: float | None = None
        self.person: MaskState | None = None
        self.plugged = threading.Event()
        self.plugged.set()
        self.answering = threading.Event()
        self.answering.set()
        self._pictures = [_marked(noise(240, 320, seed), number) for seed in range(4)]
        self._numbers = itertools.count()
        self._number = 0
        self._next_s = self._time_s = 0.0

    def open(self) -> SourceInfo:
        if not self.plugged.is_set():
            raise SourceError(self.refusal, Cause.UNPLUGGED)
        self._next_s = time.monotonic()
        return SourceInfo(320, 240, 10.0, None, None, live=True)

    def grab(self) -> float | None:
        self._next_s = max(self._next_s + 0.1, time.monotonic() - 0.5)
        threading.Event().wait(max(0.0, self._next_s - time.monotonic()))
        self.answering.wait()
        if not self.plugged.is_set():
            raise SourceError("the camera is gone", Cause.UNPLUGGED)
        self._number = next(self._numbers)
        self._time_s = time.monotonic()
        return self._time_s

    def retrieve(self) -> Frame:
        image = self._pictures[self._number % len(self._pictures)]
        return Frame(image, self.source_id, self._number, self._time_s, datetime.now(UTC), None)

    def close(self) -> None:
        """Nothing to let go."""


def _marked(image: Image, number: int) -> Image:
    """Write a camera's number into a corner, by which the detector knows it."""
    marked = image.copy()
    marked[:_MARK_PX, :_MARK_PX] = number
    return marked


@dataclass
class Eyes:
    """The detector: sees whom each camera is said to show, or fails."""

    doors: Mapping[int, Door]
    failing: bool = False
    seen: int = 0

    def open(self) -> AnsweringDetector:
        if self.failing:
            raise ModelError("the model's file is gone")
        return AnsweringDetector(self._look)

    def _look(self, image: Image) -> list[Detection]:
        if self.failing:
            raise ModelError("the detector has failed")
        self.seen += 1
        person = self.doors[int(np.median(image[:_MARK_PX, :_MARK_PX]))].person
        return [] if person is None else [Detection(FACE, person, 0.98)]


@dataclass
class Desk:
    """A running monitor with its pages, as a test sees and moves it."""

    settings: Settings
    live: Monitor
    web_server: WebServer
    accounts: AccountRepository
    incidents: IncidentRepository
    clock: ShiftedClock
    eyes: Eyes
    doors: dict[str, Door]
    folder: Path
    _cookies: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.web_server.url.rstrip("/")

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        assert url.port is not None
        return url.host, url.port

    def client(self, account: Account | None = None, **headers: str) -> "Page":
        """Return a browser's or a script's end: logged in where an account is given."""
        cookies = {} if account is None else {"mask_monitor": self.cookie(account)}
        return Page(base_url=self.url, cookies=cookies, headers=headers, timeout=60.0, verify=_NO_TLS)

    def cookie(self, account: Account) -> str:
        """Return an account's session; each logs in once, since tries are counted."""
        if account.name not in self._cookies:
            self._cookies[account.name] = self.log_in(account.name, PASSWORD).cookies["mask_monitor"]
        return self._cookies[account.name]

    def log_in(self, name: str, password: str) -> httpx.Response:
        with self.client() as client:
            return client.post("/api/v1/session", json={"name": name, "password": password})

    def token(self, account: Account, hours: float = 1.0) -> dict[str, str]:
        """Return the header that a script of an account sends."""
        name = f"{account.name}-{hours:g}"
        if name not in self._tokens:
            named = Account(name, account.role, account.cameras)
            self._tokens[name] = self.accounts.add_token(named, self.clock.utc_now() + timedelta(hours=hours))
        return {"Authorization": f"Bearer {self._tokens[name]}"}

    def socket(self, account: Account | None = None, **headers: str) -> "Socket":
        """Open the live socket as a page does."""
        if account is not None:
            headers |= {"Cookie": f"mask_monitor={self.cookie(account)}"}
        return Socket(connect(self.url.replace("http", "ws", 1) + "/api/v1/live", additional_headers=headers))

    def incident(self, camera: str = "door") -> Incident:
        """Let somebody violate until it is an incident, and leave; return it."""
        until(lambda: all(each.ended for each in self.found(camera)), f"an incident at {camera} goes on")
        known = {each.number for each in self.found(camera)}
        self.doors[camera].person = WITHOUT
        until(lambda: {each.number for each in self.found(camera)} - known, f"no incident at {camera}")
        self.doors[camera].person = None
        return self.found(camera)[0]

    def found(self, camera: str | None = None) -> list[Incident]:
        return self.incidents.find(Search(camera=camera, most=200))

    def looks(self) -> int:
        return sum(status.analysed for status in self.live.statuses())

    def analyses_per_s(self, over_s: float) -> float:
        """Count looks for a while."""
        before, started = self.looks(), time.monotonic()
        threading.Event().wait(over_s)
        return (self.looks() - before) / (time.monotonic() - started)


class Page(httpx.Client):
    """A client whose end is that of its block."""

    def judged(self, number: int, **said: str) -> httpx.Response:
        return self.post(f"/api/v1/incidents/{number}/review", json=said)


class Socket:
    """One page's live socket."""

    connection: ClientConnection

    def __init__(self, connecting: connect) -> None:
        self._connecting = connecting

    def __enter__(self) -> Self:
        self.connection = self._connecting.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._connecting.__exit__(kind, error, trace)

    def send(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def watch(self, *cameras: str, width: int = 320) -> None:
        self.send(watch={camera: {"width": width} for camera in cameras})

    def receive(self, within_s: float = 30.0) -> dict[str, Any]:
        """Return the next message; of a picture its header, with the JPEG as `jpeg`."""
        data = self.connection.recv(within_s)
        if isinstance(data, str):
            return json.loads(data)
        length = int.from_bytes(data[:2], "big")
        return {"type": "picture", "jpeg": data[2 + length :]} | json.loads(data[2 : 2 + length])

    def wait(self, kind: str, within_s: float = 30.0, **values: Any) -> dict[str, Any]:
        """Return the next message of a kind, with these values where some are given."""
        deadline = time.monotonic() + within_s
        while True:
            message = self.receive(max(0.01, deadline - time.monotonic()))
            if message["type"] == kind and values.items() <= message.items():
                return message

    def ended(self, within_s: float = 30.0) -> int:
        """Return the code with which the monitor ends it."""
        deadline = time.monotonic() + within_s
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.receive(max(0.01, deadline - time.monotonic()))
        code = self.connection.close_code
        assert code is not None
        return code

    def during(self, seconds: float) -> list[dict[str, Any]]:
        """Return everything that comes for a while."""
        deadline, messages = time.monotonic() + seconds, []
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                messages.append(self.receive(left_s))
            except TimeoutError:
                break
        return messages


@contextmanager
def serving(
    folder: Path,
    *,
    accounts: Iterable[Account] = EVERYBODY,
    cameras: Mapping[str, Mapping[str, Any]] | None = None,
    journal: str | None = None,
    wait: bool = True,
    **web: Any,
) -> Iterator[Desk]:
    """Run a monitor with its pages until the block ends; nothing may be left running."""
    chosen = cameras if cameras is not None else {"door": {}, "yard": {"required": False}}
    settings = Settings.model_validate(
        {
            "detector": {"model": str(MODEL)},
            "output": {"folder": str(folder)},
            "journal": {} if journal is None else {"url": journal},
            "web": {"port": 0, "photo": {"max_mb": 1, "max_megapixels": 2, "per_minute": 200}} | web,
            "cameras": {
                name: {
                    "source": f"rtsp://guard:{SECRET}@192.0.2.{number}/live",
                    "rules": RULES,
                    "tracking": {"confirm_hits": 1, "lost_after_s": 0.5},
                    "health": {"stale_after_s": 1.0},
                    "capture": {"reconnect_max_s": 1, "read_timeout_s": 1, "open_timeout_s": 3},
                }
                | more
                for number, (name, more) in enumerate(chosen.items(), start=1)
            },
        }
    )
    doors = {name: Door(name, 40 * number) for number, name in enumerate(chosen, start=1)}
    eyes = Eyes({40 * number: door for number, door in enumerate(doors.values(), start=1)})
    make_folder(live_folder(settings))
    clock, database = ShiftedClock(), live_database(settings)
    people = AccountRepository(database(), clock)
    known = {account.name for account in people.all()}
    for account in accounts:
        if account.name not in known:
            people.add(account, PASSWORD)
    web_server = WebServer(settings.web, live_folder(settings), database, clock)
    run = CurrentRun(RunInfo("live", clock.utc_now(), "0.1.0", "fake", "a" * 64, "b" * 64))
    try:
        replaced = {name: lambda door=door: door for name, door in doors.items()}
        live = build_live(settings, run, database, replaced=replaced)
        live.start(settings.cameras, Inference(eyes.open, 1, 1, 5.0))
    except BaseException:
        web_server.join(0)
        raise
    try:
        web_server.start(live, run.info.started_at, lambda: settings, lambda: Model("fake", "a" * 64, "litert", "cpu"))
        repository = IncidentRepository(database(), clock, run.info.started_at)
        desk = Desk(settings, live, web_server, people, repository, clock, eyes, doors, live_folder(settings))
        if wait:
            until(lambda: live.stopped.is_set() or _is_reachable(desk), "the pages do not answer")
            until(lambda: all(status.analysed for status in live.statuses()), "no camera is judged")
        yield desk
    finally:
        for door in doors.values():
            door.answering.set()
        web_server.ask_stop()
        live.stop()
        web_server.join(10)
        database().dispose()
        assert web_server.running() == []


def _is_reachable(desk: Desk) -> bool:
    try:
        with desk.client() as client:
            return client.get("/healthz").status_code in (200, 503)
    except httpx.TransportError:
        return False

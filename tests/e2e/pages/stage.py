"""A monitor with its pages in this process, all of it real but the detector, which finds what it is told."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from monitor.app.watching import build_live, live_database, live_folder
from monitor.app.web_server import WebServer
from monitor.config.settings import Settings
from monitor.domain.account import Account, Role
from monitor.domain.clock import SystemClock
from monitor.domain.detection import Detection, MaskState
from monitor.domain.errors import OutputError
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.pipeline.monitor import Inference, Monitor
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import make_folder
from monitor.storage.run_info import CurrentRun, RunInfo
from monitor.storage.schema import IncidentRow, RunRow, VisitRow
from monitor.storage.snapshots import SnapshotFolder, day_of
from monitor.web.model import Model
from tests.conftest import PROJECT
from tests.e2e.commands import ask
from tests.fakes import AnsweringDetector, checkers
from tests.live.servers import HttpCamera
from tests.live.watch import until

MODEL = PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256"
PASSWORD = "correct horse battery staple"
SECRET = "s3cret-of-the-camera"
DETECTOR = {
    "model": "another model than the run began with",
    "sha256": "d" * 64,
    "thresholds": {"without_mask": 0.5},
}
#: The cameras of the stage and the size of their pictures, by which the detector tells them apart.
SIZES = {"door": (320, 240), "hall": (400, 304), "ward": (360, 272)}
FACE = Box(100, 60, 200, 180)
#: Long gone, so that what happens while the tests run does not mix with it.
OLD = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Stage:
    """A running monitor as the tests of its pages see it."""

    url: str
    folder: Path
    live: Monitor
    cameras: Mapping[str, HttpCamera]
    faces: dict[str, list[MaskState]] = field(default_factory=dict)

    def shows(self, camera: str, *states: MaskState) -> None:
        """Let these people be before a camera, each at a place of their own, from now on."""
        self.faces[camera] = list(states)

    def ask(self, query: str) -> list[tuple]:
        return ask(self.folder / "live" / "journal.db", query)

    def serves(self) -> bool:
        """Whether somebody answers."""
        address = urlsplit(self.url)
        try:
            socket.create_connection((address.hostname or "", address.port or 0), 1).close()
        except OSError:
            return False
        return True

    def find(self, image: Image) -> list[Detection]:
        """What the detector finds in a picture."""
        size = (image.shape[1], image.shape[0])
        name = next((name for name, known in SIZES.items() if known == size), "")
        return [
            Detection(Box(FACE.x1_px - 90 * place, FACE.y1_px, FACE.x2_px - 90 * place, FACE.y2_px), state, 0.97)
            for place, state in enumerate(self.faces.get(name, []))
        ]

    @contextmanager
    def incident(self, camera: str, state: MaskState = MaskState.WITHOUT_MASK) -> Iterator[int]:
        """Let somebody violate before a camera, as a new person, and give the incident's number; then let them go."""
        newest = self.ask("SELECT coalesce(max(id), 0) FROM incidents")[0][0]
        self.shows(camera, state)
        until(lambda: self.ask("SELECT max(id) FROM incidents")[0][0] > newest, f"an incident of {camera}")
        try:
            yield self.ask("SELECT max(id) FROM incidents")[0][0]
        finally:
            self.shows(camera)
            until(lambda: self.ask("SELECT count(*) FROM incidents WHERE closed_s IS NULL") == [(0,)], "it to end")


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Run a monitor with three cameras on the network, three accounts and a past; nothing is left running."""
    with (
        HttpCamera(8, SIZES["door"]) as door,
        HttpCamera(8, SIZES["hall"]) as hall,
        HttpCamera(8, SIZES["ward"]) as ward,
    ):
        cameras = {"door": door, "hall": hall, "ward": ward}
        settings = _settings(folder, {name: camera.url for name, camera in cameras.items()})
        make_folder(live_folder(settings))
        database, clock = live_database(settings), SystemClock()
        _past(database(), live_folder(settings))
        accounts = AccountRepository(database(), clock)
        for account in (
            Account("admin", Role.ADMIN),
            Account("guard", Role.OPERATOR),
            Account("guest", Role.VIEWER, frozenset({"hall"})),
        ):
            accounts.add(account, PASSWORD)
        site = WebServer(settings.web, live_folder(settings), database, clock)
        run = CurrentRun(RunInfo("live", clock.utc_now(), "0", "SSD MobileNet", "ab" * 32, "cd" * 32))
        live = build_live(settings, run, database, clock)
        stage = Stage(site.url, folder, live, cameras)
        live.start(settings.cameras, Inference(lambda: AnsweringDetector(stage.find), 1, 1, 5.0, DETECTOR))
        site.start(
            live,
            run.info.started_at,
            lambda: settings,
            lambda: Model(run.info.model, run.info.model_sha256, "litert", "cpu"),
        )
        try:
            until(stage.serves, "pages")
            until(lambda: all(status.health.condition.current for status in live.statuses()), live.statuses)
            yield stage
        finally:
            site.ask_stop()
            try:
                live.stop()
            except OutputError:
                if not live.stopped.is_set():
                    raise
            site.join(10)
            assert not site.running()
            database().dispose()


def _settings(folder: Path, urls: Mapping[str, str]) -> Settings:
    def camera(name: str, url: str) -> dict[str, Any]:
        return {
            "source": url.replace("http://", f"http://viewer:{SECRET}@"),
            "detect_fps": 6,
            "capture": {"open_timeout_s": 3, "read_timeout_s": 1, "reconnect_max_s": 2},
            "health": {"stale_after_s": 1},
            "rules": {"dwell_s": 0.2},
            "tracking": {"lost_after_s": 0.6, "confirm_hits": 2},
            "clips": {"enabled": name == "door", "pre_s": 1, "post_s": 1},
            "zones": {"doorway": [[0.02, 0.02], [0.98, 0.02], [0.98, 0.98], [0.02, 0.98]]},
        }

    return Settings.model_validate(
        {
            "detector": {
                "model": str(MODEL),
                "thresholds": dict.fromkeys(("with_mask", "without_mask", "incorrect"), 0.33),
            },
            "output": {"folder": str(folder)},
            "retention": {  # the past is to stay
                "pictures": dict.fromkeys(("unreviewed_days", "confirmed_days", "false_alarm_days"), 3650),
                "visits_days": 3650,
                "incidents_days": 3650,
            },
            "web": {"port": 0, "photo": {"max_mb": 1, "per_minute": 600}},
            "cameras": {name: camera(name, url) for name, url in urls.items()},
        }
    )


def _past(engine: Any, folder: Path) -> None:
    """Write what had happened before: 130 incidents of long ago, and visits of today and of last week."""
    pictures, now = SnapshotFolder(folder / "incidents"), datetime.now(UTC)
    with Session(engine) as session, session.begin():
        run = RunRow(
            started_at=OLD,
            kind="live",
            version="0",
            model="SSD MobileNet",
            model_sha256="ab" * 32,
            settings_sha256="cd" * 32,
        )
        session.add(run)
        session.flush()
        for number in range(130):
            opened = OLD + timedelta(minutes=10 * number)
            incident_id = f"past-{number:03d}"
            session.add(
                IncidentRow(
                    run_id=run.id,
                    incident_id=incident_id,
                    source_id="hall" if number % 2 else "door",
                    track_id=number,
                    state="incorrect" if number % 5 == 0 else "without_mask",
                    since_s=600 * number - 1,
                    opened_s=600 * number,
                    opened_at=opened,
                    closed_s=600 * number + 12,
                    closed_at=opened + timedelta(seconds=12),
                    close_reason="gone" if number % 3 else "corrected",
                    confidence=0.9,
                    x1_px=100,
                    y1_px=60,
                    x2_px=200,
                    y2_px=180,
                    share=0.95,
                    evidence_s=1.25,
                    observations=9,
                )
            )
            pictures.complete(pictures.write(incident_id, checkers(120, 120, 10 + number % 20), day_of(opened)).name)
        for number, outcome in enumerate(_OUTCOMES):
            for days, first in (
                (0, now - timedelta(minutes=7 * number + 1)),
                (5, now - timedelta(days=5, minutes=number)),
            ):
                session.add(
                    VisitRow(
                        run_id=run.id,
                        source_id="hall" if number % 3 == 0 else "door",
                        track_id=1000 * days + number,
                        first_seen_s=1e6 + number,
                        last_seen_s=1e6 + number + 8,
                        first_seen_at=first,
                        last_seen_at=first + timedelta(seconds=8),
                        outcome=outcome,
                        time_to_comply_s=3.0 + number if outcome == "corrected" else None,
                        hits=40,
                        median_face_px=120,
                        segments=[["unknown", 0.0, 0.4], ["without_mask", 0.4, 8.0]],
                    )
                )
        first = session.query(IncidentRow).filter_by(incident_id="past-099").one()
        session.add(
            VisitRow(
                run_id=run.id,
                source_id=first.source_id,
                track_id=99,
                first_seen_s=first.opened_s - 2,
                last_seen_s=first.opened_s + 12,
                first_seen_at=first.opened_at - timedelta(seconds=2),
                last_seen_at=first.opened_at + timedelta(seconds=12),
                outcome="violation",
                time_to_comply_s=None,
                hits=70,
                median_face_px=120,
                segments=[
                    ["unknown", first.opened_s - 2, first.opened_s - 1],
                    ["without_mask", first.opened_s - 1, first.opened_s + 12],
                ],
            )
        )


_OUTCOMES: Sequence[str] = (
    *["compliant"] * 17,
    *["corrected"] * 4,
    *["violation"] * 5,
    *["incorrect"] * 2,
    *["unknown"] * 3,
)


class Wire:
    """A network between a browser and the monitor, which can go quiet, be cut, and be mended."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._loop = asyncio.new_event_loop()
        self._through = asyncio.Event()
        self._end = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._cut = False
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> "Wire":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    def quiet(self) -> None:
        """Bring nothing any more; connections stay."""
        self._loop.call_soon_threadsafe(self._through.clear)

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        self._loop.call_soon_threadsafe(self._break, True)

    def mend(self) -> None:
        """Be a network again."""
        self._loop.call_soon_threadsafe(self._break, False)

    def _break(self, cut: bool) -> None:
        self._cut = cut
        for writer in self._writers:
            writer.transport.abort()
        self._through.set()

    async def _serve(self) -> None:
        self._through.set()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await self._end.wait()
            self._break(True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _talk(self, reader: Any, writer: Any) -> None:
        if self._cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}

    async def _pump(self, reader: Any, writer: Any) -> None:
        try:
            while data := await reader.read(65536):
                await self._through.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

"""A journal with incidents, their pictures, and what may happen to them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from monitor.domain.event import CloseReason, IncidentClosed, IncidentOpened
from monitor.domain.geometry import Box
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.evidence.signing import ChainSigner, evidence_key
from monitor.storage.incidents import IncidentRepository
from monitor.storage.journal import Journal
from monitor.storage.run_info import CurrentRun, RunInfo
from monitor.storage.snapshots import SnapshotFolder, day_of
from tests.fakes import WITHOUT, FakeClock, noise

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
SETTINGS = {"rules": {"dwell_s": 1.5}, "zones": {"Tür": [(0.0, 0.0), [1.0, 0.25]]}}


def to_utc(time_s: float) -> datetime:
    return START + timedelta(seconds=time_s)


def opened(number: int, camera: str = "door", time_s: float | None = None) -> IncidentOpened:
    at_s = float(number) if time_s is None else time_s
    box = Box(1.5, 2.5, 30.25, 40.125)
    return IncidentOpened(f"{camera}-{number:06d}", camera, number, WITHOUT, at_s, at_s - 1.1, 0.87654321, box, 0.875,
                          1.5, 12, SETTINGS)  # fmt: skip


@dataclass
class Case:
    """A run at work in a folder of its own: `folder/live`, with the key in `folder`."""

    engine: Engine
    folder: Path
    journal: Journal
    signer: ChainSigner
    clock: FakeClock
    incidents: IncidentRepository

    @property
    def live(self) -> Path:
        return self.folder / "live"

    @property
    def key(self) -> str:
        return evidence_key(self.folder).public_key

    def open(self, number: int, camera: str = "door", time_s: float | None = None) -> int:
        """Record an incident as the recorder does; return its row's number."""
        event, pictures = opened(number, camera, time_s), SnapshotFolder(self.live / "incidents")
        file = pictures.write(event.incident_id, noise(24, 32, number), day_of(to_utc(event.time_s)))
        self.journal.put(replace(event, files=(file,)))
        pictures.complete(file.name)
        found = self.incidents.by_incident_id(event.incident_id)
        assert found is not None
        return found.number

    def close(self, number: int, camera: str = "door", time_s: float | None = None) -> None:
        at_s = number + 4.0 if time_s is None else time_s
        self.journal.put(IncidentClosed(f"{camera}-{number:06d}", camera, number, at_s, 4.0, CloseReason.GONE))

    def review(self, number: int, decision: ReviewDecision = ReviewDecision.FALSE_ALARM) -> None:
        reason = FalseAlarmReason.HAND if decision is ReviewDecision.FALSE_ALARM else None
        self.incidents.review(number, "ada", decision, reason, "only a hand")

    def sign(self) -> None:
        self.signer.close()

    def picture(self, number: int, camera: str = "door", time_s: float | None = None) -> Path:
        day = day_of(to_utc(float(number) if time_s is None else time_s))
        return self.live / "incidents" / day / f"{camera}-{number:06d}.jpg"


def case_in(engine: Engine, folder: Path) -> Case:
    """Return a run that begins in a folder."""
    (folder / "live").mkdir()
    clock = FakeClock(0.0, START)
    run = CurrentRun(RunInfo("live", START, "0.1.0", "SSD", "a" * 64, "b" * 64))
    return Case(
        engine,
        folder,
        Journal(engine, run, to_utc),
        ChainSigner(engine, evidence_key(folder)),
        clock,
        IncidentRepository(engine, clock, START),
    )

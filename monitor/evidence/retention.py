"""Retention: deletes what is old, what exceeds its size, and what a nearly full disk has no room for."""

import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, Subquery, delete, func, or_, select

from monitor.config.retention import FileRetention, RetentionSettings
from monitor.domain.clock import Clock
from monitor.domain.errors import OutputError
from monitor.domain.review import ReviewDecision
from monitor.storage.clip_rows import forget_clips, sharing
from monitor.storage.database import in_utc, session_on
from monitor.storage.disk import Disk, disk_of
from monitor.storage.evidence_kinds import CLIP, FOLDERS
from monitor.storage.files import writing
from monitor.storage.incidents import alive_runs, newest_decision
from monitor.storage.keeping import KeptRepository
from monitor.storage.removing import Removal, Remover
from monitor.storage.schema import AuditRow, FileRow, IncidentRow, KeptRow, VisitRow

_log = logging.getLogger(__name__)

#: Seconds between two looks at the disk, and between two passes over everything.
DISK_EVERY_S, PASS_EVERY_S = 10.0, 600.0

#: How many rows are removed in one transaction, and the pause after it in seconds: the journal is written to meanwhile.
_BATCH, _PAUSE_S = 50, 0.1

#: The free share, in parts of the threshold, from which new clips and pictures are stored again.
_AGAIN = 1.2

_RECENT = timedelta(days=7)
_DAY_S = 86_400.0


class Step(StrEnum):
    """What is done because the disk is nearly full; each includes those before."""

    NONE = "none"
    DELETE_FALSE_ALARMS = "delete_false_alarms"
    DELETE_CONFIRMED = "delete_confirmed"
    NO_NEW_CLIPS = "no_new_clips"
    NO_NEW_PICTURES = "no_new_pictures"


@dataclass(frozen=True, slots=True)
class StorageStatus:
    """How much evidence there is, and how long the disk will last at the rate of the last week.

    `days_left` is None if the retention keeps what is stored below the size of the disk, or if there is nothing yet.
    """

    step: Step = Step.NONE
    files: int = 0
    bytes: int = 0
    bytes_per_day: float = 0.0
    days_left: float | None = None


class Retention:
    """Removes evidence of one journal in small batches; `status` may be read from any thread."""

    def __init__(
        self,
        settings: Callable[[], RetentionSettings],
        database: Callable[[], Engine],
        folder: Path,
        clock: Clock,
        free: Callable[[Path], Disk | None] = disk_of,
    ) -> None:
        self.status = StorageStatus()
        self._settings = settings
        self._database = database
        self._folder = folder
        self._clock = clock
        self._free = free

    @property
    def keeps_pictures(self) -> bool:
        """Whether there is room for another picture."""
        return self.status.step is not Step.NO_NEW_PICTURES

    @property
    def keeps_clips(self) -> bool:
        """Whether there is room for another clip."""
        return self.status.step not in (Step.NO_NEW_CLIPS, Step.NO_NEW_PICTURES)

    def run(self, stop: threading.Event) -> None:
        """Work until stopped; failures are logged once, and tried again."""
        passed_s, failed = float("-inf"), ""
        while not stop.is_set():
            try:
                now_s = self._clock.monotonic_s()
                if now_s - passed_s >= PASS_EVERY_S:
                    self.remove_old(stop)
                    passed_s = now_s
                self.make_room(stop)
                failed = ""
            except OutputError as error:
                if str(error) != failed:
                    _log.error("retention: %s; trying again", error)
                failed = str(error)
            except Exception:  # noqa: BLE001 - cameras must go on
                _log.exception("retention: unexpected error")
            stop.wait(DISK_EVERY_S)

    def remove_old(self, stop: threading.Event) -> None:
        """Remove everything that is older or larger than the settings allow; raises `OutputError`."""
        settings, now = self._settings(), self._clock.utc_now()
        self._remover.finish()
        if ended := KeptRepository(self._engine, self._clock).release_ended():
            _log.info("retention: no longer kept, their end has come: incidents %s", ", ".join(map(str, ended)))
        for decision, days in _days(settings.pictures).items():
            self._remove_files(_of_review(decision, now - timedelta(days=days)), "age", stop)
        self._remove_unlisted(now - timedelta(days=max(_days(settings.pictures).values())), stop)
        self._limit_size(settings.pictures, stop)
        self._remove_incidents(now - timedelta(days=settings.incidents_days), stop)
        self._remove_visits(now - timedelta(days=settings.visits_days), stop)
        self._remove_audit(now - timedelta(days=settings.audit_days), stop)

    def make_room(self, stop: threading.Event) -> None:
        """Do what the free space of the disk demands, step by step, and update the status; raises `OutputError`."""
        settings, before, step = self._settings(), self.status.step, Step.NONE
        low, very_low = settings.low_disk_percent / 100, settings.very_low_disk_percent / 100
        for decision, step_of in (
            (ReviewDecision.FALSE_ALARM, Step.DELETE_FALSE_ALARMS),
            (ReviewDecision.CONFIRMED, Step.DELETE_CONFIRMED),
        ):
            if self._free_share() >= low:
                break
            step = step_of
            self._tell(step, max(step, before, key=list(Step).index))
            query = _of_review(decision, None)
            self._remove_files(query, "disk", stop, lambda: self._free_share() < low)
        stopped = (Step.NO_NEW_CLIPS, Step.NO_NEW_PICTURES)
        if self._free_share() < low * (_AGAIN if before in stopped else 1):
            step = Step.NO_NEW_CLIPS
        if self._free_share() < very_low * (_AGAIN if before is Step.NO_NEW_PICTURES else 1):
            step = Step.NO_NEW_PICTURES
        self._tell(step, step)

    @property
    def _engine(self) -> Engine:
        return self._database()

    @property
    def _remover(self) -> Remover:
        return Remover(self._engine, self._folder, self._clock)

    def _tell(self, step: Step, shown: Step) -> None:
        """Set the status; a new step is logged."""
        if shown is not self.status.step:
            level = logging.INFO if shown is Step.NONE else logging.WARNING
            _log.log(level, "retention: the disk has %.1f %% free: %s", 100 * self._free_share(), WORDS[shown])
        self.status = self._measured(shown)

    def _measured(self, step: Step) -> StorageStatus:
        now, settings = self._clock.utc_now(), self._settings()
        stored = _stored()
        sizes = select(func.count(), func.coalesce(func.sum(stored.c.bytes), 0)).select_from(stored)
        recent = select(func.coalesce(func.sum(stored.c.bytes), 0), func.min(stored.c.opened_at)).where(
            stored.c.opened_at >= now - _RECENT
        )
        with session_on(self._engine) as session:
            files, size = session.execute(sizes).one()
            new, first = session.execute(recent).one()
        days = 1.0 if first is None else max(1.0, (now - in_utc(first)).total_seconds() / _DAY_S)
        per_day, disk = new / days, self._free(self._folder)
        in_the_end = per_day * max(_days(settings.pictures).values())
        if settings.pictures.max_mb is not None:
            in_the_end = min(in_the_end, settings.pictures.max_mb * 2**20)
        lasts = disk is None or per_day == 0 or in_the_end - size < disk.free_mb * 2**20
        left = None if lasts or disk is None else disk.free_mb * 2**20 / per_day
        return StorageStatus(step, files, int(size), per_day, left)

    def _free_share(self) -> float:
        disk = self._free(self._folder)
        return 1.0 if disk is None else 1 - disk.used_share

    def _remove_files(
        self, query: Select[Any], why: str, stop: threading.Event, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        for ids in self._batches(query, stop):
            if not wanted():
                return
            self._remover.files(ids, Removal(why, "retention"))

    def _batches(self, query: Select[Any], stop: threading.Event) -> Iterator[Sequence[int]]:
        """Yield the numbers that a query returns, until it returns none; each batch must be removed."""
        while not stop.is_set():
            with session_on(self._engine) as session:
                ids = list(session.scalars(query.limit(_BATCH)))
            if not ids:
                return
            yield ids
            stop.wait(_PAUSE_S)

    def _limit_size(self, settings: FileRetention, stop: threading.Event) -> None:
        for camera in self._sizes() if settings.max_mb_per_camera is not None else ():
            self._limit(camera, settings.max_mb_per_camera, stop)
        self._limit(None, settings.max_mb, stop)

    def _limit(self, camera: str | None, max_mb: float | None, stop: threading.Event) -> None:
        """Delete the first files of a camera, or of all, until they have no more than `max_mb`."""
        if max_mb is None:
            return
        sizes = self._sizes()
        over = (sum(sizes.values()) if camera is None else sizes.get(camera, 0)) - max_mb * 2**20
        for decision in (ReviewDecision.FALSE_ALARM, ReviewDecision.CONFIRMED, None):
            query = _of_review(decision, None)
            if camera is not None:
                query = query.where(IncidentRow.source_id == camera)
            if over <= 0:
                return
            for ids in self._batches(query, stop):
                over -= self._remover.files(self._needed(ids, over), Removal("size", "retention"))
                if over <= 0:
                    return

    def _sizes(self) -> dict[str, int]:
        """Return the bytes of pictures and clips by camera."""
        stored = _stored()
        query = select(stored.c.source_id, func.sum(stored.c.bytes)).group_by(stored.c.source_id)
        with session_on(self._engine) as session:
            return {camera: int(size) for camera, size in session.execute(query)}

    def _needed(self, ids: Sequence[int], over: float) -> list[int]:
        """Return the first of some files, as many as have more than `over` bytes."""
        with session_on(self._engine) as session:
            rows = session.scalars(select(FileRow).where(FileRow.id.in_(ids)))
            sizes = {row.id: row.bytes for row in rows}
        needed = []
        for number in ids:
            if over <= 0:
                break
            needed.append(number)
            over -= sizes.get(number, 0)
        return needed

    def _remove_incidents(self, before: datetime, stop: threading.Event) -> None:
        with session_on(self._engine) as session:
            alive = alive_runs(session)
        ended = or_(IncidentRow.closed_s.is_not(None), IncidentRow.run_id.not_in(alive))
        query = select(IncidentRow.id).where(IncidentRow.opened_at < before, ended, _not_kept(IncidentRow.id))
        for ids in self._batches(query.order_by(IncidentRow.opened_at), stop):
            self._remover.incidents(ids, Removal("age", "retention"))

    def _remove_visits(self, before: datetime, stop: threading.Event) -> None:
        query = select(VisitRow.id).where(VisitRow.first_seen_at < before).order_by(VisitRow.first_seen_at)
        for ids in self._batches(query, stop):
            self._remover.visits(ids)

    def _remove_audit(self, before: datetime, stop: threading.Event) -> None:
        query = select(AuditRow.id).where(AuditRow.at < before).order_by(AuditRow.id)
        for ids in self._batches(query, stop):
            with session_on(self._engine) as session, session.begin():
                session.execute(delete(AuditRow).where(AuditRow.id.in_(ids)))

    def _remove_unlisted(self, before: datetime, stop: threading.Event) -> None:
        """Delete old files that have no row: those of versions before the chain, and clips of unknown incidents."""
        last = f"{before:%Y-%m-%d}"
        found = (day for folder in set(FOLDERS.values()) for day in self._folder.glob(f"{folder}/????-??-??"))
        for day in sorted(found):
            if stop.is_set():
                return
            if day.name >= last:
                continue
            with writing(day):
                self._delete_unlisted(day, stop)

    def _delete_unlisted(self, day: Path, stop: threading.Event) -> None:
        with session_on(self._engine) as session:
            query = select(FileRow.name).where(FileRow.name.startswith(f"{day.name}/"))
            stems = {Path(name).stem for name in session.scalars(query)}
            kept_ids = select(IncidentRow.incident_id).join(KeptRow, KeptRow.incident == IncidentRow.id)
            kept = set(session.scalars(kept_ids))
        old = [path for path in day.iterdir() if (stem := _stem(path)) not in stems and not kept & {stem, _owner(stem)}]
        for number, path in enumerate(old, start=1):
            path.unlink(missing_ok=True)
            if number % _BATCH == 0 and stop.wait(_PAUSE_S):
                return
        with session_on(self._engine) as session, session.begin():
            forget_clips(session, {f"{day.name}/{_stem(path)}" for path in old if day.parent.name == FOLDERS[CLIP]})
        if not any(day.iterdir()):
            day.rmdir()


#: What each step does, for people.
WORDS = {
    Step.NONE: "there is room again",
    Step.DELETE_FALSE_ALARMS: "pictures and videos of false alarms are being deleted",
    Step.DELETE_CONFIRMED: "pictures and videos of the oldest confirmed incidents are being deleted",
    Step.NO_NEW_CLIPS: "new incidents get no video",
    Step.NO_NEW_PICTURES: "new incidents get neither picture nor video",
}


def _days(settings: FileRetention) -> dict[ReviewDecision | None, int]:
    return {
        None: settings.unreviewed_days,
        ReviewDecision.CONFIRMED: settings.confirmed_days,
        ReviewDecision.FALSE_ALARM: settings.false_alarm_days,
    }


def _of_review(decision: ReviewDecision | None, before: datetime | None) -> Select[Any]:
    """Return a query for the files of incidents with a decision that nobody keeps, the oldest first."""
    query = (
        select(FileRow.id)
        .join(IncidentRow, IncidentRow.id == FileRow.incident)
        .where(FileRow.removing.is_(False), _not_kept(FileRow.incident))
        .where(newest_decision().is_(None) if decision is None else newest_decision() == decision.value)
        .order_by(IncidentRow.opened_at)
    )
    return query if before is None else query.where(IncidentRow.opened_at < before)


def _not_kept(incident: Any) -> Any:
    return incident.not_in(sharing(select(KeptRow.incident)))


def _stored() -> Subquery:
    """Return a query for the files that are stored, each once, however many incidents of a camera it shows."""
    return (
        select(
            IncidentRow.source_id,
            FileRow.kind,
            FileRow.name,
            func.max(FileRow.bytes).label("bytes"),
            func.min(IncidentRow.opened_at).label("opened_at"),
        )
        .join(IncidentRow, IncidentRow.id == FileRow.incident)
        .where(FileRow.removing.is_(False))
        .group_by(IncidentRow.source_id, FileRow.kind, FileRow.name)
        .subquery()
    )


def _stem(path: Path) -> str:
    """Return the name that a picture or clip, its blurred copies, and what is not complete of them have in common."""
    return re.sub(r"(\.of-\d+)?(\.partial)*$", "", path.stem)


def _owner(stem: str) -> str:
    """Return the incident after which a clip is named."""
    return stem.rpartition("-")[0]

"""The figures of a period, as the API returns them."""

import functools
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from monitor.domain.visit import Outcome
from monitor.rules.statistics import compliance_of, wilson
from monitor.storage.statistics import ReviewCounts, Span, StatisticsRepository, TimeCount
from monitor.web.schemas import BucketOut, ComplianceOut, ComplyTimesOut, ReviewCountsOut, StatisticsOut

#: How many results are kept for those who ask for the same; a year of hours has 3 MB.
_KEPT = 8
_KEPT_S = 60

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)

Key = TypeVar("Key", str, datetime)


class By(StrEnum):
    """The length of a bucket."""

    HOUR = "hour"
    DAY = "day"


class Figures:
    """Returns figures as JSON; the last ones are kept until the journal has something new, a minute at most."""

    def __init__(self) -> None:
        self._kept = functools.lru_cache(_KEPT)(_as_json)

    def as_json(self, statistics: StatisticsRepository, span: Span, by: By, zone: ZoneInfo) -> bytes:
        """Return `figures` as JSON; raises `JournalError`."""
        version = (*statistics.version(), int(time.monotonic() // _KEPT_S))
        return self._kept(statistics, version, span, by, zone)


def figures(statistics: StatisticsRepository, span: Span, by: By, zone: ZoneInfo) -> StatisticsOut:
    """Return the figures of a period, in hours or days of a time zone; raises `JournalError`."""
    counts = statistics.hours(span) if _has_whole_hours(zone, span) else statistics.quarters(span)

    @functools.cache
    def bucket(start: datetime) -> datetime:
        """Return the start of the bucket in UTC, which distinguishes the two hours of one name when clocks go back."""
        at = start.astimezone(zone)
        at = at.replace(minute=0) if by is By.HOUR else at.replace(hour=0, minute=0, fold=0)
        return at.astimezone(UTC)

    return StatisticsOut(
        since=span.since,
        until=span.until,
        total=_rate(counts),
        over_time=[
            BucketOut(label=_label(at.astimezone(zone), by), start_at=at.astimezone(zone), compliance=rate)
            for at, rate in _grouped(counts, lambda count: bucket(count.start))
        ],
        by_camera=[
            BucketOut(label=name, start_at=None, compliance=rate)
            for name, rate in _grouped(counts, lambda count: count.camera)
        ],
        time_to_comply=ComplyTimesOut.of(statistics.comply_times(span)),
        reviews=[_review_counts(counts) for counts in statistics.alarms(span)],
    )


def _as_json(statistics: StatisticsRepository, _version: tuple[int, ...], span: Span, by: By, zone: ZoneInfo) -> bytes:
    return figures(statistics, span, by, zone).model_dump_json().encode()


def _has_whole_hours(zone: ZoneInfo, span: Span) -> bool:
    """Return whether every hour of the zone is one of UTC's too; no zone changes its offset twice in a day."""
    days = (span.until - span.since) // _DAY + 1
    moments = [span.since + number * _DAY for number in range(days)] + [span.until]
    try:
        return all((at.astimezone(zone).utcoffset() or timedelta()) % _HOUR == timedelta() for at in moments)
    except OverflowError:  # the first or the last day that there is
        return False


def _label(at: datetime, by: By) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if by is By.HOUR else f"{at:%Y-%m-%d}"


def _rate(counts: Iterable[TimeCount]) -> ComplianceOut:
    outcomes: dict[Outcome, int] = {}
    for count in counts:
        outcomes[count.outcome] = outcomes.get(count.outcome, 0) + count.visits
    return ComplianceOut.of(compliance_of(outcomes))


def _grouped(counts: Sequence[TimeCount], key: Callable[[TimeCount], Key]) -> list[tuple[Key, ComplianceOut]]:
    groups: dict[Key, list[TimeCount]] = {}
    for count in counts:
        groups.setdefault(key(count), []).append(count)
    return [(name, _rate(groups[name])) for name in sorted(groups)]


def _review_counts(counts: ReviewCounts) -> ReviewCountsOut:
    decided = counts.confirmed + counts.false_alarms
    low, high = wilson(counts.false_alarms, decided) if decided else (None, None)
    return ReviewCountsOut(
        camera=counts.camera,
        incidents=counts.incidents,
        confirmed=counts.confirmed,
        false_alarms=counts.false_alarms,
        false_alarm_rate=counts.false_alarms / decided if decided else None,
        low=low,
        high=high,
    )

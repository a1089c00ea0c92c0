from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitor.domain.cause import Cause
from monitor.domain.health import CameraStatus, Condition, Drop, Health
from monitor.domain.visit import Outcome
from monitor.evidence.retention import StorageStatus
from monitor.pipeline.session import LATENCY_BOUNDS_S
from monitor.storage.statistics import Span, TimeCount
from monitor.web.metrics import registry_of
from monitor.web.model import Model
from tests.fakes import FakeClock, analysis, flat

START = datetime(2026, 1, 1, tzinfo=UTC)
ODD = 'do"or\\n\n1'


class CountedStatistics:
    """A journal of which only the counts are asked."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def incident_counts(self) -> dict[tuple[str, str], int]:
        return {("door", "without_mask"): 3, (ODD, "mask_weared_incorrect"): 1}

    def hours(self, span: Span) -> list[TimeCount]:
        self.spans.append(span)
        return [
            TimeCount(START, "door", Outcome.COMPLIANT, 2),
            TimeCount(START.replace(minute=15), "door", Outcome.COMPLIANT, 5),
            TimeCount(START, "yard", Outcome.UNKNOWN, 1),
        ]


def given(folder: Path, *statuses: CameraStatus) -> Any:
    """Return of the pages' services what metrics ask for."""
    return SimpleNamespace(
        monitor=SimpleNamespace(statuses=lambda: list(statuses), storage=StorageStatus),
        model=lambda: Model("ssd", "a" * 64, "litert", "cpu"),
        clock=FakeClock(100.0, START),
        statistics=CountedStatistics(),
        folder=folder,
    )


def seen(services: Any) -> dict[str, list[Any]]:
    text = generate_latest(registry_of(services)).decode()
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


def door(name: str = "door") -> CameraStatus:
    return CameraStatus(
        camera=name,
        health=Health(Condition.DEGRADED, 0.0, Cause.DETECTOR),
        analysis=analysis(flat(8, 8), time_s=98.5),
        frames=100,
        analysed=60,
        drops={Drop.SKIPPED: 30, Drop.LATE: 10},
        latency_counts=tuple(range(len(LATENCY_BOUNDS_S) + 1)),
        latency_sum_s=12.5,
    )


def value(samples: list[Any], **labels: str) -> float:
    (found,) = [sample.value for sample in samples if labels.items() <= sample.labels.items()]
    return found


def test_everything_that_is_measured_can_be_read_again(tmp_path: Path):
    families = seen(given(tmp_path, door(), door(ODD)))
    assert value(families["mask_monitor_frames"], camera="door") == 100
    assert value(families["mask_monitor_analyses"], camera="door") == 60
    assert value(families["mask_monitor_drops"], camera="door", cause="late") == 10
    assert value(families["mask_monitor_picture_age_seconds"], camera="door") == 1.5
    assert value(families["mask_monitor_condition"], camera="door", condition="degraded") == 1
    assert value(families["mask_monitor_condition"], camera="door", condition="live") == 0
    assert value(families["mask_monitor_incidents"], camera="door", kind="without_mask") == 3
    assert value(families["mask_monitor_visits_day"], camera="door", outcome="compliant") == 7
    assert value(families["mask_monitor_info"], model="ssd") == 1
    assert families["mask_monitor_memory_bytes"][0].value > 1e6
    assert families["mask_monitor_disk_free_bytes"][0].value > 0


def test_a_camera_s_name_cannot_break_a_line(tmp_path: Path):
    families = seen(given(tmp_path, door(ODD)))
    assert value(families["mask_monitor_frames"], camera=ODD) == 100


def test_latencies_are_a_histogram_that_adds_up(tmp_path: Path):
    samples = seen(given(tmp_path, door()))["mask_monitor_latency_seconds"]
    buckets = [(sample.labels["le"], sample.value) for sample in samples if sample.name.endswith("_bucket")]
    assert [float(bound) for bound, _ in buckets] == [*LATENCY_BOUNDS_S, float("inf")]
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == sum(range(12))
    assert [sample.value for sample in samples if sample.name.endswith("_count")] == [sum(range(12))]
    assert [sample.value for sample in samples if sample.name.endswith("_sum")] == [12.5]


def test_a_camera_before_its_first_verdict_has_no_age(tmp_path: Path):
    new = CameraStatus("door", Health(Condition.STARTING, 0.0), latency_counts=(0,) * (len(LATENCY_BOUNDS_S) + 1))
    assert seen(given(tmp_path, new))["mask_monitor_picture_age_seconds"] == []


def test_compliance_is_of_the_last_day(tmp_path: Path):
    services = given(tmp_path)
    seen(services)
    (span,) = services.statistics.spans
    assert (span.until, (span.until - span.since).total_seconds(), span.cameras) == (START, 86400, None)


def test_no_disk_no_figure_of_it(tmp_path: Path):
    assert "mask_monitor_disk_free_bytes" not in seen(given(tmp_path / "missing"))

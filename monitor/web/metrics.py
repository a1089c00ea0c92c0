"""Metrics for Prometheus, collected on request."""

from collections.abc import Iterable
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.domain.health import CameraStatus, Condition
from monitor.evidence.retention import Step
from monitor.pipeline.process import memory_mb
from monitor.pipeline.session import LATENCY_BOUNDS_S
from monitor.storage.disk import disk_of
from monitor.storage.statistics import Span
from monitor.web.services import Services

_COMPLIANCE_OVER = timedelta(days=1)


class MonitorCollector(Collector):
    """Collects metrics from the cameras and the journal, in its own registry and without globals."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        """Return all metrics."""
        services = self._services
        model = services.model()
        info = InfoMetricFamily("mask_monitor", "The program and its model.")
        info.add_metric([], {"version": __version__, "model": model.name, "model_sha256": model.sha256})
        yield info
        yield from _cameras(services.monitor.statuses(), services.clock.monotonic_s())
        incidents = CounterMetricFamily("mask_monitor_incidents", "Incidents.", labels=["camera", "kind"])
        for (camera, state), count in services.statistics.incident_counts().items():
            incidents.add_metric([camera, state], count)
        yield incidents
        yield from self._visits()
        yield GaugeMetricFamily("mask_monitor_memory_bytes", "Resident memory.", memory_mb() * 2**20)
        storage = services.monitor.storage()
        yield GaugeMetricFamily("mask_monitor_evidence_bytes", "Size of the files of evidence.", storage.bytes)
        steps = GaugeMetricFamily(
            "mask_monitor_retention_step", "1 for what is done because the disk is nearly full.", labels=["step"]
        )
        for step in Step:
            steps.add_metric([step.value], float(step is storage.step))
        yield steps
        if (disk := disk_of(services.folder)) is not None:
            yield GaugeMetricFamily(
                "mask_monitor_disk_free_bytes", "Free disk space for results.", disk.free_mb * 2**20
            )

    def _visits(self) -> Iterable[Metric]:
        services = self._services
        now = services.clock.utc_now()
        visits = GaugeMetricFamily(
            "mask_monitor_visits_day", "Visits of the last 24 hours.", labels=["camera", "outcome"]
        )
        counts: dict[tuple[str, str], int] = {}
        for count in services.statistics.hours(Span(now - _COMPLIANCE_OVER, now, None)):
            key = (count.camera, count.outcome.value)
            counts[key] = counts.get(key, 0) + count.visits
        for (camera, outcome), number in counts.items():
            visits.add_metric([camera, outcome], number)
        yield visits


def registry_of(services: Services) -> CollectorRegistry:
    """Return a registry with the monitor's metrics only."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MonitorCollector(services))
    return registry


def _cameras(statuses: list[CameraStatus], now_s: float) -> Iterable[Metric]:
    frames = CounterMetricFamily("mask_monitor_frames", "Frames received.", labels=["camera"])
    analyses = CounterMetricFamily("mask_monitor_analyses", "Frames analysed.", labels=["camera"])
    drops = CounterMetricFamily("mask_monitor_drops", "Frames not analysed.", labels=["camera", "cause"])
    latency = HistogramMetricFamily("mask_monitor_latency_seconds", "From capture to verdict.", labels=["camera"])
    age = GaugeMetricFamily("mask_monitor_picture_age_seconds", "Age of the newest verdict.", labels=["camera"])
    condition = GaugeMetricFamily(
        "mask_monitor_condition", "1 for the camera's current condition.", labels=["camera", "condition"]
    )
    for status in statuses:
        name = [status.camera]
        frames.add_metric(name, status.frames)
        analyses.add_metric(name, status.analysed)
        for drop, count in status.drops.items():
            drops.add_metric([status.camera, drop.value], count)
        below, buckets = 0, []
        for bound, count in zip((*map(str, LATENCY_BOUNDS_S), "+Inf"), status.latency_counts, strict=True):
            below += count
            buckets.append((bound, below))
        latency.add_metric(name, buckets, status.latency_sum_s)
        if status.analysis is not None:
            age.add_metric(name, now_s - status.analysis.frame.time_s)
        for one in Condition:
            condition.add_metric([status.camera, one.value], float(status.health.condition is one))
    return frames, analyses, drops, latency, age, condition

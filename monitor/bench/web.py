"""The cost of viewers for the live monitor, and what the viewers receive."""

import http.client
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np

from monitor.bench.live import Window
from monitor.domain.errors import SourceError

_PAGE_TIMEOUT_S = 30.0
_REQUESTS_PER_PAGE = 5

#: How pages, scripts and style sheets name files.
_NAMED = re.compile(rb"""(?:(?:src|href)=|url\()["']?([^"'\s)>?#]+)|(?:from|import)\s*\(?["']([^"'?#]+)["']""")


@dataclass(frozen=True, slots=True)
class Watched:
    """A measurement with viewers: of the monitor, the pictures it encoded, and what each viewer received."""

    window: Window
    encoded: int
    viewers: Sequence[Mapping[str, Any]]


class Viewers:
    """Viewers in separate processes, which share no interpreter with the monitor; see `monitor.bench.viewer`."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def begin(self) -> None:
        """Start a measurement in every viewer."""
        for process in self._processes:
            _send(process, "begin")

    def end(self) -> list[dict[str, Any]]:
        """Return the figures of each viewer since `begin`."""
        for process in self._processes:
            _send(process, "end")
        return [json.loads(_receive(process)) for process in self._processes]


@contextmanager
def viewers(url: str, count: int, width_px: int, cameras: Sequence[str]) -> Iterator[Viewers]:
    """Yield viewers that have received their first picture; raises `SourceError`."""
    command = [sys.executable, "-m", "monitor.bench.viewer", url, str(width_px), *cameras]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        for process in processes:
            _receive(process)
        yield Viewers(processes)
    finally:
        for process in processes:
            process.communicate(timeout=10)


def figures(without: Sequence[Window], watched: Sequence[Watched]) -> dict[str, Any]:
    """Return the figures of measurements with viewers, each compared with the mean of those before and after it.

    The CPU time of a picture is that of the threads that draw and serve it; the web thread's is per picture sent.
    """
    ages = [age for stretch in watched for viewer in stretch.viewers for age in viewer["ages_ms"]]
    opened = [age for stretch in watched for viewer in stretch.viewers for age in viewer["incidents_ms"]]
    tiles = [
        viewer["pictures"].get(status.camera, 0) / viewer["seconds"]
        for stretch in watched
        for viewer in stretch.viewers
        for status in stretch.window.after
    ]
    sent, encoded = len(ages), sum(stretch.encoded for stretch in watched)
    wall_s = sum(stretch.window.wall_s for stretch in watched)
    received = sum(viewer["bytes"] for stretch in watched for viewer in stretch.viewers)
    return {
        "analyses_per_s": {
            "without": round(statistics.median(rate(window) for window in without), 2),
            "with": round(statistics.median(rate(stretch.window) for stretch in watched), 2),
            "ratio": fall(without, [stretch.window for stretch in watched]),
        },
        "analysis_p95_ms": {
            "without": _percentile([age for window in without for age in _latencies_ms(window)], 95),
            "with": _percentile([age for stretch in watched for age in _latencies_ms(stretch.window)], 95),
        },
        "pictures_per_s_per_tile": {
            "least": round(min(tiles), 2),
            "median": round(statistics.median(tiles), 2),
            "most": round(max(tiles), 2),
        },
        "picture_age_ms": {f"p{p}": _percentile(ages, p) for p in (50, 95, 99)},
        "incident_age_ms": {
            "incidents": len(opened),
            "p50": _percentile(opened, 50),
            "p95": _percentile(opened, 95),
            "most": _percentile(opened, 100),
        },
        "pictures": {
            "encoded": encoded,
            "sent": sent,
            "stale": sum(viewer["stale"] for stretch in watched for viewer in stretch.viewers),
            "repeated": sum(viewer["repeated"] for stretch in watched for viewer in stretch.viewers),
            "kb_each": round(received / 1000 / max(1, sent), 1),
        },
        "cpu_cores": {
            "without": round(statistics.mean(window.cpu_s / window.wall_s for window in without), 3),
            "with": round(sum(stretch.window.cpu_s for stretch in watched) / wall_s, 3),
            "viewers": round(sum(v["cpu_s"] for stretch in watched for v in stretch.viewers) / wall_s, 3),
        },
        "cpu_ms_per_picture": {
            "pictures": round(1000 * _stage_s(watched, "pictures") / max(1, encoded), 2),
            "web": round(1000 * _stage_s(watched, "web") / max(1, sent), 2),
        },
        "memory_mb": {
            "without": round(max(max(window.memory_mb) for window in without), 1),
            "with": round(max(max(stretch.window.memory_mb) for stretch in watched), 1),
        },
    }


def fall(without: Sequence[Window], disturbed: Sequence[Window]) -> float:
    """Return the median ratio of analyses per second in disturbed measurements to the mean of their neighbours."""
    ratios = [
        2 * rate(during) / max(1e-6, rate(before) + rate(after))
        for during, (before, after) in zip(disturbed, pairwise(without), strict=True)
    ]
    return round(statistics.median(ratios), 3)


def rate(window: Window) -> float:
    """Return analyses per second."""
    return window.analysed / window.wall_s


def page_times(url: str, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Request each page a few times over new connections; return its status code, milliseconds (medians) and bytes.

    `weight_bytes` includes everything that the page loads except pictures of cameras and incidents.
    """
    return {path: _page(urlsplit(url).netloc, path) for path in paths}


def _page(host: str, path: str) -> dict[str, Any]:
    answers = [_request(host, path) for _ in range(_REQUESTS_PER_PAGE)]
    last = answers[-1]
    weight, loaded, left = len(last.body), set[str](), {*linked(last.body, path)}
    while left:
        loaded.add(file := left.pop())
        body = _request(host, file).body
        weight += len(body)
        left |= {*linked(body, file)} - loaded
    return {
        "code": last.code,
        "first_byte_ms": round(1000 * statistics.median(answer.first_byte_s for answer in answers), 1),
        "whole_ms": round(1000 * statistics.median(answer.whole_s for answer in answers), 1),
        "bytes": len(last.body),
        "weight_bytes": weight,
    }


def linked(body: bytes, path: str) -> list[str]:
    """Return the paths of static files that a page, a script or a style sheet at a path names."""
    names = [(link or imported).decode() for link, imported in _NAMED.findall(body)]
    return [file for name in names if (file := urljoin(path, name)).startswith("/static/")]


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    first_byte_s: float
    whole_s: float
    body: bytes


def _request(host: str, path: str) -> _Answer:
    connection = http.client.HTTPConnection(host, timeout=_PAGE_TIMEOUT_S)
    began = time.perf_counter()
    try:
        connection.request("GET", path, headers={"Accept": "text/html, */*"})
        answer = connection.getresponse()
        start = answer.read(1)
        first_s = time.perf_counter() - began
        body = start + answer.read()
        return _Answer(answer.status, first_s, time.perf_counter() - began, body)
    finally:
        connection.close()


def _stage_s(watched: Sequence[Watched], stage: str) -> float:
    return sum(stretch.window.stages_s.get(stage, 0.0) for stretch in watched)


def _latencies_ms(window: Window) -> list[float]:
    return [1000 * latency for latencies in window.latencies_s.values() for latency in latencies]


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None


def _send(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _receive(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line or line.startswith('{"closed"'):
        raise SourceError(f"a viewer lost its connection: {line or 'its process ended'}")
    return line

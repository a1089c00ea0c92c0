"""Values as JSON's own types, the same for the socket and the API."""

import re
from collections import Counter
from datetime import datetime
from typing import Any

from monitor.domain.clock import Clock, utc_at
from monitor.domain.detection import MaskState
from monitor.domain.freshness import Freshness
from monitor.domain.health import CameraStatus
from monitor.domain.track import Analysis

#: The folders of a path from the root, but not what follows a host in a URL.
_FOLDERS = re.compile(r"(?:(?<=\s)|(?<=^)|(?<=['\"(]))/(?:[^/:\n]+/)+")


def milliseconds(at: datetime) -> int:
    """Return an hour as milliseconds since 1970, UTC."""
    return round(at.timestamp() * 1000)


def people(analysis: Analysis | None) -> dict[str, int]:
    """Return how many people in view are in which state."""
    counts = Counter(track.state for track in (() if analysis is None else analysis.tracks))
    return {state.value: counts[state] for state in MaskState}


def without_folders(text: str) -> str:
    """Return words in which files go by their names: where they lie on this machine concerns no viewer."""
    return _FOLDERS.sub("", text)


def camera_values(status: CameraStatus, now_s: float, clock: Clock) -> dict[str, Any]:
    """Return how a camera is. People are counted only while what the camera shows is now."""
    health, analysis = status.health, status.analysis
    fresh = status.is_fresh(now_s)
    return {
        "name": status.camera,
        "sample": status.sample,
        "condition": health.condition.value,
        "cause": None if health.cause is None else health.cause.value,
        "detail": without_folders(health.detail),
        "since_ms": milliseconds(utc_at(clock, health.since_s)),
        "age_ms": None if analysis is None else round(1000 * (now_s - analysis.frame.time_s)),
        "fps": round(status.fps, 1),
        "analyses_per_s": round(status.analysed_fps, 1),
        "stale_after_ms": round(1000 * (Freshness() if analysis is None else analysis.freshness).limit_s),
        "people": people(analysis if fresh else None),
        "violating": fresh and analysis is not None and any(track.incident_open for track in analysis.tracks),
    }

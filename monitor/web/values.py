"""Values as JSON types, the same for the socket and the API."""

import re
from collections import Counter
from datetime import datetime
from typing import Any

from monitor.domain.account import Role
from monitor.domain.address import hosts_only
from monitor.domain.clock import Clock, utc_at
from monitor.domain.detection import MaskState
from monitor.domain.freshness import Freshness
from monitor.domain.health import CameraStatus
from monitor.domain.track import Analysis

#: The folders of a path from the root, but not what follows a host in a URL.
_FOLDERS = re.compile(r"(?:(?<=\s)|(?<=^)|(?<=['\"(]))/(?:[^/:\n]+/)+")


def milliseconds(at: datetime) -> int:
    """Return a timestamp as milliseconds since 1970, UTC."""
    return round(at.timestamp() * 1000)


def people(analysis: Analysis | None) -> dict[str, int]:
    """Return the number of people in view by state."""
    counts = Counter(track.state for track in (() if analysis is None else analysis.tracks))
    return {state.value: counts[state] for state in MaskState}


def without_folders(text: str) -> str:
    """Return the text with file names in place of paths, since viewers must not see the folders of this machine."""
    return _FOLDERS.sub("", text)


def visible_text(text: str, role: Role) -> str:
    """Return a message as a role may see it: only admins see more of an address than its scheme and host."""
    return text if role is Role.ADMIN else hosts_only(text)


def camera_values(status: CameraStatus, now_s: float, clock: Clock, role: Role) -> dict[str, Any]:
    """Return the state of a camera, as a role may see it. People are counted only while its picture is current."""
    health, analysis = status.health, status.analysis
    fresh = status.is_fresh(now_s)
    return {
        "name": status.camera,
        "sample": status.sample,
        "condition": health.condition.value,
        "cause": None if health.cause is None else health.cause.value,
        "detail": visible_text(without_folders(health.detail), role),
        "since_ms": milliseconds(utc_at(clock, health.since_s)),
        "age_ms": None if analysis is None else round(1000 * (now_s - analysis.frame.time_s)),
        "fps": round(status.fps, 1),
        "analyses_per_s": round(status.analysed_fps, 1),
        "stale_after_ms": round(1000 * (Freshness() if analysis is None else analysis.freshness).limit_s),
        "people": people(analysis if fresh else None),
        "violating": fresh and analysis is not None and any(track.incident_open for track in analysis.tracks),
    }

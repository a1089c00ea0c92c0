"""What clips of incidents cost, and how soon after an incident they can be played."""

import statistics
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from monitor.storage.clip_folder import ClipFolder
from monitor.storage.database import in_utc
from monitor.storage.schema import ClipIncidentRow, ClipRow, IncidentRow


def playable_after_s(engine: Engine, folder: ClipFolder, post_s: float) -> list[float]:
    """Return how many seconds after the end of what it shows each clip was complete, of those that ended with it.

    A clip ends `post_s` after the last of its incidents, whose end is when the person was seen last.
    """
    found = []
    with Session(engine) as session:
        rows = session.execute(
            select(ClipRow.name, ClipRow.started_at, ClipRow.duration_s, IncidentRow.closed_at)
            .join(ClipIncidentRow, ClipIncidentRow.clip == ClipRow.id)
            .join(IncidentRow, IncidentRow.incident_id == ClipIncidentRow.incident_id)
        ).all()
    last = {name: (started_at, duration_s) for name, started_at, duration_s, _ in rows}
    for name, (started_at, duration_s) in last.items():
        closed = [in_utc(at) for other, _, _, at in rows if other == name and at is not None]
        video = folder.video(name)
        if not closed or not video.exists():
            continue
        until = max(closed) + timedelta(seconds=post_s)
        if in_utc(started_at) + timedelta(seconds=duration_s + 1) >= until:
            found.append(_completed_at(video) - until.timestamp())  # otherwise the recording broke off before
    return found


def compared(without: Sequence[dict[str, Any]], with_clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of rounds without and with clips, which alternate, and what they differ by.

    Memory is that of the first two rounds: what a round leaves behind counts for those after it.
    """
    ratios = [b["cpu_ms_per_frame"] / a["cpu_ms_per_frame"] for a, b in zip(without, with_clips, strict=True)]
    waits = [wait for values in with_clips for wait in values["playable_after_s"]]
    return {
        "cameras": without[0]["cameras"],
        "rounds": len(without),
        "cpu_ms_per_frame": _pair(without, with_clips, "cpu_ms_per_frame"),
        "cpu_ratio": round(statistics.median(ratios), 3),
        "cpu_ratios": [round(ratio, 3) for ratio in ratios],
        "analysed_fps": _pair(without, with_clips, "analysed_fps"),
        "rss_mb": [without[0]["rss_mb"], with_clips[0]["rss_mb"]],
        "rss_more_mb": round(with_clips[0]["rss_mb"] - without[0]["rss_mb"], 1),
        "ring_mb": round(max(values["ring_mb"] for values in with_clips), 2),
        "clips": len(waits),
        "playable_after_s": [round(statistics.median(waits), 2), round(max(waits), 2)] if waits else [],
    }


def _pair(without: Sequence[dict[str, Any]], with_clips: Sequence[dict[str, Any]], key: str) -> list[float]:
    return [round(statistics.median(values[key] for values in rounds), 2) for rounds in (without, with_clips)]


def _completed_at(video: Path) -> float:
    return video.stat().st_ctime  # of its last renaming

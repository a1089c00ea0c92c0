"""One clip while it is recorded, and its completion: the video, and beside it who was where."""

import json
import logging
import os
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from monitor.domain.event import IncidentOpened
from monitor.domain.geometry import Box
from monitor.evidence.clip_file import PacketWriter, complete
from monitor.evidence.packet_ring import Kept, Note
from monitor.storage.clip_folder import Clip, ClipFolder, lines_of, sha256_of, sync
from monitor.storage.files import partial, private, writing

if TYPE_CHECKING:
    from monitor.storage.clips import ClipRepository

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Wanted:
    """An incident that is to be shown; `closed_s` is None while it is open."""

    event: IncidentOpened
    closed_s: float | None = None

    def values(self, clip_s: Callable[[float], float]) -> dict[str, Any]:
        """Return it as plain values, with times in seconds of the clip."""
        event = self.event
        return {
            "incident_id": event.incident_id,
            "track_id": event.track_id,
            "state": event.state.value,
            "since_s": round(clip_s(event.since_s), 3),
            "opened_s": round(clip_s(event.time_s), 3),
            "closed_s": None if self.closed_s is None else round(clip_s(self.closed_s), 3),
        }


class ClipPart:
    """One file that is being recorded, of packets of one scene; every method raises `OutputError`.

    `first` is a keyframe, `started_at` its time; people are noted from `since_s` on. A crash loses at most what was
    written within the last half second.
    """

    def __init__(
        self,
        folder: ClipFolder,
        name: str,
        header: Mapping[str, Any],
        first: Kept,
        wanted: Sequence[Wanted],
        since_s: float,
    ) -> None:
        self.name = name
        self.first = first
        self.last_stamp_s = first.stamp_s
        self._path = folder.notes(name)
        self._wanted = wanted
        self._noted_s = since_s
        # From the times of frames to those of their packets; each differs by how long its frame took to arrive.
        self._offsets = [(first.packet.time_s, first.stamp_s - first.packet.time_s)]
        self._told: set[tuple[str, float | None]] = set()
        packets = folder.packets(name)
        folder.prepare(name)
        folder.create(packets)
        self._lines = self._opened()
        self._line({"clip": dict(header)})
        self._writer = PacketWriter(packets, first.stream_format, first.packet)

    def _opened(self) -> TextIO:
        with writing(self._path):
            return open(self._path, "w", encoding="utf-8", opener=private)

    def write(self, kept: Kept) -> None:
        """Add a packet."""
        self.last_stamp_s = max(self.last_stamp_s, kept.stamp_s)
        self._writer.write(kept.packet)

    def note(self, notes: Sequence[Note]) -> None:
        """Add where people were, and what has changed about the incidents."""
        for note in notes:
            self._noted_s = note.time_s
            if note.scene != self.first.scene:
                continue
            self._offsets.append((note.time_s, note.stamp_s - note.time_s))
            if note.stamp_s >= self.first.stamp_s - 0.0005:
                self._line({"frame": _frame(note, self.first.stamp_s)})
        for each in self._wanted:
            known = (each.event.incident_id, each.closed_s)
            if known not in self._told:
                self._told.add(known)
                self._line({"incident": each.values(self._clip_s)})
        with writing(self._path):
            self._lines.flush()

    @property
    def noted_s(self) -> float:
        """The time of the last frame that was noted."""
        return self._noted_s

    def close(self) -> None:
        """Write what is still in memory."""
        try:
            with writing(self._path):
                self._lines.close()
        finally:
            self._writer.close()

    def _clip_s(self, time_s: float) -> float:
        at = bisect_left(self._offsets, (time_s,))
        _, offset_s = min(self._offsets[max(at - 1, 0) : at + 1], key=lambda known: abs(known[0] - time_s))
        return time_s + offset_s - self.first.stamp_s

    def _line(self, value: Mapping[str, Any]) -> None:
        with writing(self._path):
            self._lines.write(json.dumps(value, separators=(",", ":")) + "\n")


def finish(folder: ClipFolder, clips: "Callable[[], ClipRepository]", name: str, go_on: Callable[[], None]) -> bool:
    """Complete what was recorded of a clip, also if it was cut off, and add its row; return whether there is one.

    May be called again after a failure or a crash at any point. `go_on` is called between pictures and may raise.
    Raises `OutputError`.
    """
    packets, notes, video = folder.packets(name), folder.notes(name), folder.video(name)
    if not video.exists():
        done = None
        values = _collected(folder, name)
        ready = partial(partial(video))
        if values is not None and packets.exists():
            folder.create(ready)
            done = complete(packets, ready, go_on)
        if values is None or done is None:
            _log.warning("%s: nothing of this clip was recorded", video)
            _remove(ready, packets, notes)
            return False
        values |= {
            "duration_s": round(done.duration_s, 3),
            "width_px": done.width_px,
            "height_px": done.height_px,
            "codec": done.codec,
        }
        sync(ready)
        folder.write_json(folder.boxes(name), values)
        with writing(video):
            ready.replace(video)
        _sync_folder(video.parent)
    clip, incidents = _clip_of(folder, name)
    is_added = clips().add(clip, incidents)
    if not is_added:
        _log.info("%s: deleted, since an incident that it shows has been removed", video)
        _remove(video, folder.boxes(name))
    _remove(packets, notes)
    return is_added


def _collected(folder: ClipFolder, name: str) -> dict[str, Any] | None:
    """Return what was noted of a clip; None if not even its beginning was."""
    header: dict[str, Any] | None = None
    incidents: dict[str, Any] = {}
    frames: list[Any] = []
    size: list[int] | None = None
    for line in lines_of(folder.notes(name)):
        if "clip" in line:
            header = line["clip"]
        elif "incident" in line:
            incidents[line["incident"]["incident_id"]] = line["incident"]
        elif "frame" in line:
            size = size or line["frame"]["size"]
            frames.append({key: value for key, value in line["frame"].items() if key != "size"})
    if header is None:
        return None
    return header | {"incidents": list(incidents.values()), "size_px": size, "frames": frames}


def _clip_of(folder: ClipFolder, name: str) -> tuple[Clip, list[str]]:
    values, video, boxes = folder.read_boxes(name), folder.video(name), folder.boxes(name)
    with writing(video):
        size, notes_size = video.stat().st_size, boxes.stat().st_size
    clip = Clip(
        name=name,
        camera=values["camera"],
        started_at=datetime.fromisoformat(values["started_at"]),
        duration_s=values["duration_s"],
        width_px=values["width_px"],
        height_px=values["height_px"],
        codec=values["codec"],
        bytes=size,
        sha256=sha256_of(video),
        notes_bytes=notes_size,
        notes_sha256=sha256_of(boxes),
    )
    return clip, [each["incident_id"] for each in values["incidents"]]


def _frame(note: Note, base_s: float) -> dict[str, Any]:
    tracks = [
        [track.track_id, track.state.value, round(track.confidence, 3), *_corners(track.box), int(track.incident_open)]
        for track in note.tracks
    ]
    others = [_corners(box) for box in note.others]
    time_s = round(max(0.0, note.stamp_s - base_s), 3)
    return {"at": time_s, "people": tracks, "others": others, "size": list(note.size_px)}


def _corners(box: Box) -> list[int]:
    return list(box.as_ints())


def _remove(*paths: Any) -> None:
    for path in paths:
        with writing(path):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Any) -> None:
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""The last seconds of one camera as they came: compressed pictures, and where people were in them."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from monitor.domain.geometry import Box
from monitor.domain.track import Analysis, Track
from monitor.sources.packets import StreamFormat, StreamPacket

#: The most bytes of compressed pictures that are kept of one camera: 24 s at 8 Mbit/s, 6 s at 32 Mbit/s.
RING_BYTES = 24 * 2**20

#: A step of the source's clock that differs from that of arrival by more seconds is no continuation.
_JUMP_S = 10.0

#: Frames for which the time by the source's clock is known: more than can wait for an inference.
_ANCHORS = 1500


@dataclass(frozen=True, slots=True)
class Kept:
    """A packet of the ring: its number, which increases by 1, its scene and its format.

    Packets of different scenes do not continue each other.
    """

    number: int
    scene: int
    stream_format: StreamFormat
    packet: StreamPacket

    @property
    def stamp_s(self) -> float:
        """When the picture is shown, in seconds of the source's clock."""
        packet = self.packet
        ticks = packet.pts if packet.pts is not None else packet.dts
        return float((ticks or 0) * self.stream_format.time_base)


@dataclass(frozen=True, slots=True)
class Note:
    """The people in one analysed frame: its scene, its time by the source's clock and by the monitor's, in seconds.

    `tracks` are the people, `others` the boxes of faces that belong to nobody who is tracked; in pixels of a picture
    of `size_px` (width, height), which is upright.
    """

    scene: int
    stamp_s: float
    time_s: float
    size_px: tuple[int, int]
    tracks: tuple[Track, ...]
    others: tuple[Box, ...]


class PacketRing:
    """Keeps packets from a keyframe at least `reach_s` before the newest one; safe to use from any thread.

    It is filled on the thread that reads the camera, which waits for nothing but the short holds of one lock. At most
    `most_bytes` are kept; if a camera sends more, the ring reaches back less far (`is_short`).
    """

    def __init__(self, reach_s: float, most_bytes: int = RING_BYTES) -> None:
        self._reach_s = reach_s
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._format: StreamFormat | None = None
        self._scene = 0
        self._next = 0
        self._kept: deque[Kept] = deque()
        self._keyframes: deque[Kept] = deque()
        self._bytes = 0
        self._is_short = False
        self._anchors: deque[tuple[float, int, float]] = deque(maxlen=_ANCHORS)
        self._notes: deque[Note] = deque()

    @property
    def has_packets(self) -> bool:
        """Whether the source gives packets."""
        with self._lock:
            return self._format is not None

    @property
    def is_short(self) -> bool:
        """Whether the limit of bytes, and not the time, decides how far back the ring reaches."""
        with self._lock:
            return self._is_short

    @property
    def bytes(self) -> int:
        """The bytes of the packets kept."""
        with self._lock:
            return self._bytes

    # --- For the thread that reads the camera ---

    def begin(self, stream_format: StreamFormat) -> None:
        """See `PacketTap`."""
        with self._lock:
            self._format = stream_format
            self._scene += 1

    def add(self, packet: StreamPacket) -> None:
        """See `PacketTap`."""
        with self._lock:
            stream_format = self._format
            assert stream_format is not None
            kept = Kept(self._next, self._scene, stream_format, packet)
            last = self._kept[-1] if self._kept else None
            if last is not None and last.scene == kept.scene:
                step_s = kept.stamp_s - last.stamp_s
                if abs(step_s - (packet.time_s - last.packet.time_s)) > _JUMP_S:
                    self._scene += 1
                    kept = Kept(self._next, self._scene, stream_format, packet)
            if not packet.keyframe and (last is None or last.scene != kept.scene):
                return  # nothing can be decoded from here
            self._next += 1
            self._kept.append(kept)
            self._bytes += len(packet.data)
            if packet.keyframe:
                self._keyframes.append(kept)
            self._trim(packet.time_s)

    def shown(self, stamp_s: float | None, time_s: float) -> None:
        """See `PacketTap`."""
        with self._lock:
            if not self._kept:
                return
            last = self._kept[-1]
            self._anchors.append((time_s, last.scene, last.stamp_s if stamp_s is None else stamp_s))

    # --- For the workers ---

    def note(self, analysis: Analysis) -> None:
        """Keep where people were in a frame of this camera."""
        frame = analysis.frame
        boxes = {track.box for track in analysis.tracks}
        others = tuple(face for face in analysis.faces if face not in boxes)
        with self._lock:
            for time_s, scene, stamp_s in reversed(self._anchors):
                if time_s == frame.time_s:
                    size_px = (frame.width_px, frame.height_px)
                    self._notes.append(Note(scene, stamp_s, time_s, size_px, analysis.tracks, others))
                    return
                if time_s < frame.time_s:
                    return

    # --- For the recorder ---

    def start(self, time_s: float) -> int:
        """Return the number of the last keyframe that arrived before `time_s`, of the first one if none did."""
        with self._lock:
            chosen = self._keyframes[0].number if self._keyframes else self._next
            for kept in self._keyframes:
                if kept.packet.time_s > time_s:
                    break
                chosen = kept.number
            return chosen

    def since(self, number: int) -> Sequence[Kept]:
        """Return the packets from a number on; the first one has a higher number if some are no longer kept."""
        with self._lock:
            if not self._kept:
                return ()
            return tuple(islice(self._kept, max(0, number - self._kept[0].number), None))

    def notes(self, after_s: float) -> Sequence[Note]:
        """Return what was noted of frames later than `after_s`."""
        with self._lock:
            newer = []
            for note in reversed(self._notes):
                if note.time_s <= after_s:
                    break
                newer.append(note)
            return newer[::-1]

    def _trim(self, now_s: float) -> None:
        from_s = now_s - self._reach_s
        while len(self._keyframes) > 1 and self._keyframes[1].packet.time_s <= from_s:
            self._drop_group()
            self._is_short = False
        while self._bytes > self._most_bytes:
            self._is_short = True
            self._drop_group()
        oldest_s = self._kept[0].packet.time_s if self._kept else now_s
        while self._notes and self._notes[0].time_s < oldest_s - self._reach_s:
            self._notes.popleft()

    def _drop_group(self) -> None:
        """Drop everything before the second keyframe: without the first one it could not be decoded."""
        self._keyframes.popleft()
        until = self._keyframes[0].number if self._keyframes else self._next
        while self._kept and self._kept[0].number < until:
            self._bytes -= len(self._kept.popleft().packet.data)

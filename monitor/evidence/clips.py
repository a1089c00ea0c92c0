"""Records a clip of every incident, from before the violation until after its end."""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import cv2

from monitor.config.camera import CameraSettings
from monitor.domain.clock import Clock
from monitor.domain.errors import OutputError
from monitor.domain.event import Event, IncidentClosed, IncidentOpened
from monitor.domain.track import Analysis
from monitor.evidence.clip_part import ClipPart, Wanted, finish
from monitor.evidence.packet_ring import Kept, PacketRing
from monitor.sources.encoding import encode_picture
from monitor.sources.packets import ARRIVAL_BASE, PacketTap, StreamFormat, StreamPacket
from monitor.storage.clip_folder import ClipFolder

if TYPE_CHECKING:
    from monitor.storage.clips import ClipRepository

_log = logging.getLogger(__name__)

#: A clip shows at most this much of an incident, in seconds, and one file is at most this long.
LONGEST_S = 300.0

#: A violation is known this many seconds after the analysis that shows it, at the latest.
_LATE_S = 2.0

#: Packets arrive at most this long before or after the frame that they are decoded to is analysed.
_AROUND_S = 0.3

#: Seconds between two writes of a clip, and after a failed one.
_WRITE_EVERY_S, _RETRY_S = 0.4, 1.0

#: After this many seconds without packets a clip ends where they ended.
_NO_PACKETS_S = 1.0

_JPEG_QUALITY = 85

#: Of the JSON beside a clip.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """Where clips are stored: their files, and their rows, which are loaded when they are needed."""

    folder: ClipFolder
    clips: "Callable[[], ClipRepository]"


@dataclass(slots=True, eq=False)
class _Recording:
    """What is being recorded of one camera; `next` is the number of the next packet to write."""

    name: str
    next: int
    wanted: list[Wanted]
    parts: int = 0
    part: ClipPart | None = None
    retry_s: float = 0.0


@dataclass(slots=True, eq=False)
class _Camera:
    name: str
    settings: CameraSettings
    ring: PacketRing
    events: deque[IncidentOpened | IncidentClosed] = field(default_factory=deque)
    recording: _Recording | None = None
    encodes: bool | None = None
    size_px: tuple[int, int] | None = None
    was_short: bool = False
    removed: bool = False


class _StoppingError(Exception):
    pass


class ClipRecorder:
    """Keeps the last seconds of every camera whose settings ask for clips, and writes them when there is an incident.

    `add`, `tap`, `on_event`, `on_analysis` and `forget` may be called from any thread and wait for no disk. `record`,
    `complete` and `encode` are the bodies of three threads. `place_of` returns where a camera's clips are stored;
    `places` are all of them, in which what an earlier run left is completed.
    """

    def __init__(
        self,
        place_of: Callable[[str], ClipPlace],
        places: Sequence[ClipPlace],
        clock: Clock,
        to_utc: Callable[[float], datetime],
    ) -> None:
        self._place_of = place_of
        self._places = places
        self._clock = clock
        self._to_utc = to_utc
        self._changed = threading.Condition()
        self._cameras: dict[str, _Camera] = {}
        self._leaving: list[_Camera] = []
        self._pictures: dict[str, Analysis] = {}
        self._recorded: deque[tuple[ClipPlace, str]] = deque()
        self._closing = self._all_recorded = False
        self._faults: dict[str, str] = {}

    @property
    def fault(self) -> str | None:
        """Why clips cannot be written at present, or None."""
        with self._changed:
            return next(iter(self._faults.values()), None)

    def short(self) -> list[str]:
        """Return the cameras that send so much that less is kept of them than the settings ask for."""
        with self._changed:
            cameras = list(self._cameras.values())
        return [camera.name for camera in cameras if camera.ring.is_short]

    def add(self, name: str, settings: CameraSettings) -> None:
        """Begin to keep what a camera sends, if its settings ask for clips."""
        if not settings.clips.enabled:
            return
        reach_s = settings.clips.pre_s + settings.rules.dwell_s + settings.rules.grace_s + _LATE_S + _AROUND_S
        with self._changed:
            self._cameras[name] = _Camera(name, settings, PacketRing(reach_s))

    def tap(self, name: str) -> PacketTap | None:
        """Return what is to receive the packets of a camera, None if nothing is kept of it."""
        camera = self._camera(name)
        return None if camera is None else camera.ring

    def forget(self, name: str) -> None:
        """End the recording of a camera that is no longer watched."""
        with self._changed:
            camera = self._cameras.pop(name, None)
            if camera is not None:
                camera.removed = True
                self._leaving.append(camera)
                self._changed.notify_all()

    def on_event(self, event: Event) -> None:
        """Take note of an incident that opens or closes."""
        if isinstance(event, IncidentOpened | IncidentClosed):
            with self._changed:
                if (camera := self._cameras.get(event.source_id)) is not None:
                    camera.events.append(event)
                    self._changed.notify_all()

    def on_analysis(self, analysis: Analysis) -> None:
        """Keep where people are, and the picture itself if the source gives no packets."""
        camera = self._camera(analysis.frame.source_id)
        if camera is None:
            return
        if camera.encodes is None:
            camera.encodes = not camera.ring.has_packets
        if not camera.encodes:
            camera.ring.note(analysis)
            return
        with self._changed:
            self._pictures[camera.name] = analysis
            self._changed.notify_all()

    def close(self) -> None:
        """End every recording now, and the threads once the files are complete."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    # --- Threads ---

    def record(self) -> None:
        """Write the packets of incidents; the body of a thread."""
        self._recover()
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._has_work, None if self._is_idle() else _WRITE_EVERY_S)
                    closing, leaving = self._closing, self._leaving
                    self._leaving = []
                    cameras = [*self._cameras.values(), *leaving]
                for camera in cameras:
                    self._step(camera, ends=closing or camera.removed)
                if closing:
                    return
        finally:
            with self._changed:
                self._all_recorded = True
                self._changed.notify_all()

    def complete(self) -> None:
        """Make recorded clips playable; the body of a thread. After `close` each is tried once more."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._recorded or self._all_recorded)
                if not self._recorded:
                    return
                place, name = self._recorded[0]
                last = self._all_recorded
            done = self._finished(place, name)
            with self._changed:
                self._recorded.popleft()
                if done or last:
                    continue
                self._recorded.append((place, name))
                self._changed.wait_for(lambda: self._all_recorded, _RETRY_S)

    def encode(self) -> None:
        """Keep the analysed pictures of sources without packets, as JPEGs; the body of a thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pictures or self._closing)
                if self._closing:
                    return
                name, analysis = self._pictures.popitem()
                camera = self._cameras.get(name)
            try:
                if camera is not None:
                    self._keep_picture(camera, analysis)
            except OutputError as error:
                _log.error("%s: a picture of the camera is not kept for clips: %s", name, error)

    # --- Recording ---

    def _camera(self, name: str) -> _Camera | None:
        with self._changed:
            return self._cameras.get(name)

    def _has_work(self) -> bool:
        waiting = any(camera.events for camera in self._cameras.values())
        return self._closing or bool(self._leaving) or waiting

    def _is_idle(self) -> bool:
        return all(camera.recording is None for camera in self._cameras.values())

    def _step(self, camera: _Camera, *, ends: bool) -> None:
        """Write what is new of one camera."""
        if camera.ring.is_short and not camera.was_short:
            _log.warning(
                "%s: sends so much that less than clips.pre_s is kept; lower its bit rate or its keyframe interval",
                camera.name,
            )
        camera.was_short = camera.ring.is_short
        while camera.events:
            self._follow(camera, camera.events.popleft())
        recording = camera.recording
        if recording is None or (recording.retry_s > self._clock.monotonic_s() and not ends):
            return
        try:
            over = self._write(camera, recording)
            if over or ends:
                self._end_part(camera, recording)
                camera.recording = None
        except OutputError as error:
            self._failed(camera, recording, error)
            if ends:
                camera.recording = None
        except Exception:  # noqa: BLE001 - one clip must not end a monitor that runs for months
            _log.exception("%s: this clip is not recorded, unexpected error", camera.name)
            camera.recording = None
        else:
            self._set_fault(camera.name, None)

    def _follow(self, camera: _Camera, event: IncidentOpened | IncidentClosed) -> None:
        recording = camera.recording
        if isinstance(event, IncidentClosed):
            for wanted in [] if recording is None else recording.wanted:
                if wanted.event.incident_id == event.incident_id:
                    wanted.closed_s = event.time_s
        elif recording is not None:
            recording.wanted.append(Wanted(event))
        else:
            wanted = Wanted(event)
            first = camera.ring.start(self._from_s(camera, wanted) - _AROUND_S)
            camera.recording = _Recording(event.incident_id, first, [wanted])

    def _write(self, camera: _Camera, recording: _Recording) -> bool:
        """Write the packets that have come since; return whether all that is wanted is written."""
        until_s = max(self._until_s(camera, wanted) for wanted in recording.wanted) + _AROUND_S
        for kept in camera.ring.since(recording.next):
            part = recording.part
            if kept.packet.time_s > until_s and (part is None or kept.stamp_s > part.last_stamp_s):
                self._note(camera, recording)
                return True  # a picture that is shown later than all before it: none before it is missing
            if part is not None and (
                kept.number != recording.next
                or kept.scene != part.first.scene
                or (kept.packet.keyframe and kept.packet.time_s - part.first.packet.time_s >= LONGEST_S)
            ):
                self._end_part(camera, recording)
            if recording.part is None and kept.packet.keyframe:
                self._begin_part(camera, recording, kept)
            recording.next = kept.number + 1
            if recording.part is not None:
                recording.part.write(kept)
        self._note(camera, recording)
        return self._clock.monotonic_s() > until_s + _NO_PACKETS_S

    def _note(self, camera: _Camera, recording: _Recording) -> None:
        if recording.part is not None:
            recording.part.note(camera.ring.notes(recording.part.noted_s))

    def _begin_part(self, camera: _Camera, recording: _Recording, first: Kept) -> None:
        recording.parts += 1
        start_s = first.packet.time_s
        started_at = self._to_utc(start_s)
        name = f"{started_at:%Y-%m-%d}/{recording.name}-{recording.parts}"
        # Those that ended before belong to the part before alone.
        recording.wanted = [each for each in recording.wanted if self._until_s(camera, each) >= start_s - _AROUND_S]
        header = {
            "version": _VERSION,
            "camera": camera.name,
            "started_at": started_at.isoformat(),
            "zones": {zone.name: zone.corners for zone in camera.settings.polygons()},
        }
        folder = self._place_of(camera.name).folder
        try:
            recording.part = ClipPart(folder, name, header, first, recording.wanted, start_s - _LATE_S)
        except OutputError:
            folder.discard(name)
            raise

    def _end_part(self, camera: _Camera, recording: _Recording) -> None:
        part = recording.part
        if part is None:
            return
        try:
            self._note(camera, recording)
            part.close()
        finally:
            recording.part = None
            self._pass_on(camera, part.name)

    def _failed(self, camera: _Camera, recording: _Recording, error: OutputError) -> None:
        """Keep what is written of the part, and begin another one soon."""
        if self._set_fault(camera.name, str(error)) is None:
            _log.error("%s: clips cannot be recorded: %s; retrying every second", camera.name, error)
        recording.retry_s = self._clock.monotonic_s() + _RETRY_S
        part, recording.part = recording.part, None
        if part is not None:
            with contextlib.suppress(OutputError):  # it is the same fault again
                part.close()
            self._pass_on(camera, part.name)

    def _pass_on(self, camera: _Camera, name: str) -> None:
        with self._changed:
            self._recorded.append((self._place_of(camera.name), name))
            self._changed.notify_all()

    def _from_s(self, camera: _Camera, wanted: Wanted) -> float:
        return wanted.event.since_s - camera.settings.clips.pre_s

    def _until_s(self, camera: _Camera, wanted: Wanted) -> float:
        longest_s = self._from_s(camera, wanted) + LONGEST_S
        if wanted.closed_s is None:
            return longest_s
        return min(longest_s, wanted.closed_s + camera.settings.clips.post_s)

    # --- Completing ---

    def _recover(self) -> None:
        """Find what an earlier run has left half done."""
        for place in self._places:
            try:
                place.folder.remove_leavings()
                names = place.folder.unfinished()
            except OutputError as error:
                _log.error("%s: the clips of earlier runs are not completed: %s", place.folder.folder, error)
                continue
            if names:
                _log.warning("%s: completing %d clips of an earlier run", place.folder.folder, len(names))
            with self._changed:
                self._recorded.extend((place, name) for name in names)
                self._changed.notify_all()

    def _finished(self, place: ClipPlace, name: str) -> bool:
        """Complete a clip; return False if a retry may succeed."""
        try:
            finish(place.folder, place.clips, name, self._go_on)
        except OutputError as error:
            if self._set_fault(name, str(error)) is None:
                _log.error("a clip cannot be completed: %s; retrying every second", error)
            return False
        except _StoppingError:
            return False
        except Exception:  # noqa: BLE001 - one clip must not end a monitor that runs for months
            _log.exception("%s: this clip cannot be completed, unexpected error; the next start tries again", name)
        self._set_fault(name, None)
        return True

    def _go_on(self) -> None:
        """Raise `_StoppingError` when the monitor stops: the next start completes what takes long."""
        if self._closing:
            raise _StoppingError

    def _set_fault(self, what: str, fault: str | None) -> str | None:
        """Set or clear a fault; return the one before."""
        with self._changed:
            before = self._faults.pop(what, None)
            if fault is not None:
                self._faults[what] = fault
            return before

    # --- Pictures ---

    def _keep_picture(self, camera: _Camera, analysis: Analysis) -> None:
        frame = analysis.frame
        size_px = (frame.width_px, frame.height_px)
        if camera.size_px != size_px:
            camera.ring.begin(StreamFormat("mjpeg", *size_px, ARRIVAL_BASE))
            camera.size_px = size_px
        data = encode_picture(frame.image, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        ticks = int(frame.time_s / ARRIVAL_BASE)
        camera.ring.add(StreamPacket(data, ticks, ticks, True, frame.time_s))
        camera.ring.shown(None, frame.time_s)
        camera.ring.note(analysis)

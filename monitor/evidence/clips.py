"""Records a clip of every incident, from before the violation until after its end."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import cv2

from monitor.config.camera import CameraSettings
from monitor.domain.clock import Clock
from monitor.domain.errors import OutputError
from monitor.domain.event import Event, IncidentClosed, IncidentOpened
from monitor.domain.track import Analysis
from monitor.evidence.clip_camera import CameraClips
from monitor.evidence.clip_part import finish
from monitor.sources.encoding import encode_picture
from monitor.sources.packets import ARRIVAL_BASE, PacketTap, StreamFormat, StreamPacket
from monitor.storage.clip_folder import ClipFolder

if TYPE_CHECKING:
    from monitor.storage.clips import ClipRepository

_log = logging.getLogger(__name__)

#: Seconds between two writes of a clip, and after a failed one.
_WRITE_EVERY_S, _RETRY_S = 0.4, 1.0

_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """Where clips are stored: their files, and their rows, which are loaded when they are needed."""

    folder: ClipFolder
    clips: "Callable[[], ClipRepository]"


@dataclass(slots=True, eq=False)
class _Camera:
    """`encodes`: the source gives no packets, so that pictures of `size_px` are encoded; None: not known yet."""

    clips: CameraClips
    encodes: bool | None = None
    size_px: tuple[int, int] | None = None


class _StoppingError(Exception):
    pass


class ClipRecorder:
    """Keeps the last seconds of every camera whose settings ask for clips, and writes them when there is an incident.

    `add`, `tap`, `on_event`, `on_analysis` and `forget` may be called from any thread and wait for no disk. `record`,
    `complete` and `encode` are the bodies of three threads. `place_of` returns where a camera's clips are stored;
    `places` are all of them, in which what an earlier run left is completed. `keeps_clips` returns whether there is
    room for another clip; one that is being recorded is completed.
    """

    def __init__(
        self,
        place_of: Callable[[str], ClipPlace],
        places: Sequence[ClipPlace],
        clock: Clock,
        to_utc: Callable[[float], datetime],
        keeps_clips: Callable[[], bool] = lambda: True,
    ) -> None:
        self._place_of = place_of
        self._keeps_clips = keeps_clips
        self._places = places
        self._clock = clock
        self._to_utc = to_utc
        self._changed = threading.Condition()
        self._cameras: dict[str, _Camera] = {}
        self._leaving: list[CameraClips] = []
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
            cameras = [camera.clips for camera in self._cameras.values()]
        return [clips.name for clips in cameras if clips.ring.is_short]

    def kept_bytes(self) -> int:
        """Return the bytes of compressed pictures that are kept of all cameras."""
        with self._changed:
            return sum(camera.clips.ring.bytes for camera in self._cameras.values())

    def add(self, name: str, settings: CameraSettings) -> None:
        """Begin to keep what a camera sends, if its settings ask for clips."""
        if not settings.clips.enabled:
            return
        place_of = self._place_of

        def pass_on(clip: str) -> None:
            with self._changed:
                self._recorded.append((place_of(name), clip))
                self._changed.notify_all()

        clips = CameraClips(
            name,
            settings,
            self._clock,
            self._to_utc,
            lambda: place_of(name).folder,
            pass_on,
            lambda fault: self._set_fault(name, fault),
        )
        with self._changed:
            self._cameras[name] = _Camera(clips)

    def tap(self, name: str) -> PacketTap | None:
        """Return what is to receive the packets of a camera, None if nothing is kept of it."""
        camera = self._camera(name)
        return None if camera is None else camera.clips.ring

    def forget(self, name: str) -> None:
        """End the recording of a camera that is no longer watched."""
        with self._changed:
            camera = self._cameras.pop(name, None)
            if camera is not None:
                self._leaving.append(camera.clips)
                self._changed.notify_all()

    def on_event(self, event: Event) -> None:
        """Take note of an incident that opens or closes."""
        if isinstance(event, IncidentClosed) or (isinstance(event, IncidentOpened) and self._keeps_clips()):
            with self._changed:
                if (camera := self._cameras.get(event.source_id)) is not None:
                    camera.clips.events.append(event)
                    self._changed.notify_all()

    def on_analysis(self, analysis: Analysis) -> None:
        """Keep where people are, and the picture itself if the source gives no packets."""
        camera = self._camera(analysis.frame.source_id)
        if camera is None:
            return
        if camera.encodes is None:
            camera.encodes = not camera.clips.ring.has_packets
        if not camera.encodes:
            camera.clips.ring.note(analysis)
            return
        with self._changed:
            self._pictures[camera.clips.name] = analysis
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
                    staying = [camera.clips for camera in self._cameras.values()]
                for clips in staying:
                    clips.step(ends=closing)
                for clips in leaving:
                    clips.step(ends=True)
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
        waiting = any(camera.clips.events for camera in self._cameras.values())
        return self._closing or bool(self._leaving) or waiting

    def _is_idle(self) -> bool:
        return not any(camera.clips.is_recording for camera in self._cameras.values())

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
            camera.clips.ring.begin(StreamFormat("mjpeg", *size_px, ARRIVAL_BASE))
            camera.size_px = size_px
        data = encode_picture(frame.image, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        ticks = int(frame.time_s / ARRIVAL_BASE)
        camera.clips.ring.add(StreamPacket(data, ticks, ticks, True, frame.time_s))
        camera.clips.ring.shown(None, frame.time_s)
        camera.clips.ring.note(analysis)

"""The recording of one camera's incidents."""

import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from monitor.config.camera import CameraSettings
from monitor.domain.clock import Clock
from monitor.domain.errors import OutputError
from monitor.domain.event import IncidentClosed, IncidentOpened
from monitor.evidence.clip_part import ClipPart, Wanted
from monitor.evidence.packet_ring import Kept, PacketRing
from monitor.storage.clip_folder import ClipFolder

_log = logging.getLogger(__name__)

#: A clip shows at most this much of an incident, in seconds, and one file is at most this long.
LONGEST_S = 300.0

#: A violation is known this many seconds after the analysis that shows it, at the latest.
_LATE_S = 2.0

#: Packets arrive at most this long before or after the frame that they are decoded to is analysed.
_AROUND_S = 0.3

_RETRY_S = 1.0

#: After this many seconds without packets a clip ends where they ended.
_NO_PACKETS_S = 1.0

#: Of the JSON beside a clip.
_VERSION = 1


@dataclass(slots=True, eq=False)
class _Recording:
    """What is being recorded; `next` is the number of the next packet to write."""

    name: str
    next: int
    wanted: list[Wanted]
    parts: int = 0
    part: ClipPart | None = None
    retry_s: float = 0.0


class CameraClips:
    """The ring of one camera, and what is being recorded of it.

    The ring and `events` may be used from any thread, everything else on the recording thread. `folder` returns where
    clips are stored, `pass_on` gets the name of each that can be completed, and `set_fault` sets or clears the reason
    why none can be recorded, and returns the one before.
    """

    def __init__(
        self,
        name: str,
        settings: CameraSettings,
        clock: Clock,
        to_utc: Callable[[float], datetime],
        folder: Callable[[], ClipFolder],
        pass_on: Callable[[str], None],
        set_fault: Callable[[str | None], str | None],
    ) -> None:
        clips, rules = settings.clips, settings.rules
        self.name = name
        self.ring = PacketRing(clips.pre_s + rules.dwell_s + rules.grace_s + _LATE_S + _AROUND_S)
        self.events: deque[IncidentOpened | IncidentClosed] = deque()
        self._settings = settings
        self._clock = clock
        self._to_utc = to_utc
        self._folder = folder
        self._pass_on = pass_on
        self._set_fault = set_fault
        self._recording: _Recording | None = None
        self._was_short = False

    @property
    def is_recording(self) -> bool:
        """Whether an incident is being recorded."""
        return self._recording is not None

    def step(self, *, ends: bool) -> None:
        """Write what is new; with `ends`, end what is being recorded."""
        if self.ring.is_short and not self._was_short:
            _log.warning(
                "%s: sends so much that less than clips.pre_s is kept; lower its bit rate or its keyframe interval",
                self.name,
            )
        self._was_short = self.ring.is_short
        while self.events:
            self._follow(self.events.popleft())
        recording = self._recording
        if recording is None or (recording.retry_s > self._clock.monotonic_s() and not ends):
            return
        try:
            over = self._write(recording)
            if over or ends:
                self._end_part(recording)
                self._recording = None
        except OutputError as error:
            self._failed(recording, error)
            if ends:
                self._recording = None
        except Exception:  # noqa: BLE001 - one clip must not end a monitor that runs for months
            _log.exception("%s: this clip is not recorded, unexpected error", self.name)
            self._recording = None
        else:
            self._set_fault(None)

    def _follow(self, event: IncidentOpened | IncidentClosed) -> None:
        recording = self._recording
        if isinstance(event, IncidentClosed):
            for wanted in [] if recording is None else recording.wanted:
                if wanted.event.incident_id == event.incident_id:
                    wanted.closed_s = event.time_s
        elif recording is not None:
            recording.wanted.append(Wanted(event))
        else:
            wanted = Wanted(event)
            first = self.ring.start(self._from_s(wanted) - _AROUND_S)
            self._recording = _Recording(event.incident_id, first, [wanted])

    def _write(self, recording: _Recording) -> bool:
        """Write the packets that have come since; return whether all that is wanted is written."""
        until_s = max(self._until_s(wanted) for wanted in recording.wanted) + _AROUND_S
        for kept in self.ring.since(recording.next):
            part = recording.part
            if kept.packet.time_s > until_s and (part is None or kept.stamp_s > part.last_stamp_s):
                self._note(recording)
                return True  # a picture that is shown later than all before it: none before it is missing
            if part is not None and (
                kept.number != recording.next
                or kept.scene != part.first.scene
                or (kept.packet.keyframe and kept.packet.time_s - part.first.packet.time_s >= LONGEST_S)
            ):
                self._end_part(recording)
            if recording.part is None and kept.packet.keyframe:
                self._begin_part(recording, kept)
            recording.next = kept.number + 1
            if recording.part is not None:
                recording.part.write(kept)
        self._note(recording)
        return self._clock.monotonic_s() > until_s + _NO_PACKETS_S

    def _note(self, recording: _Recording) -> None:
        if recording.part is not None:
            recording.part.note(self.ring.notes(recording.part.noted_s))

    def _begin_part(self, recording: _Recording, first: Kept) -> None:
        recording.parts += 1
        start_s = first.packet.time_s
        started_at = self._to_utc(start_s)
        name = f"{started_at:%Y-%m-%d}/{recording.name}-{recording.parts}"
        # Those that ended before belong to the part before alone.
        recording.wanted = [each for each in recording.wanted if self._until_s(each) >= start_s - _AROUND_S]
        header = {
            "version": _VERSION,
            "camera": self.name,
            "started_at": started_at.isoformat(),
            "zones": {zone.name: zone.corners for zone in self._settings.polygons()},
        }
        folder = self._folder()
        try:
            recording.part = ClipPart(folder, name, header, first, recording.wanted, start_s - _LATE_S)
        except OutputError:
            folder.discard(name)
            raise

    def _end_part(self, recording: _Recording) -> None:
        part = recording.part
        if part is None:
            return
        try:
            self._note(recording)
            part.close()
        finally:
            recording.part = None
            self._pass_on(part.name)

    def _failed(self, recording: _Recording, error: OutputError) -> None:
        """Keep what is written of the part, and begin another one soon."""
        if self._set_fault(str(error)) is None:
            _log.error("%s: clips cannot be recorded: %s; retrying every second", self.name, error)
        recording.retry_s = self._clock.monotonic_s() + _RETRY_S
        part, recording.part = recording.part, None
        if part is not None:
            with contextlib.suppress(OutputError):  # it is the same fault again
                part.close()
            self._pass_on(part.name)

    def _from_s(self, wanted: Wanted) -> float:
        return wanted.event.since_s - self._settings.clips.pre_s

    def _until_s(self, wanted: Wanted) -> float:
        longest_s = self._from_s(wanted) + LONGEST_S
        if wanted.closed_s is None:
            return longest_s
        return min(longest_s, wanted.closed_s + self._settings.clips.post_s)

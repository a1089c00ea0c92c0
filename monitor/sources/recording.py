"""Video files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock, SystemClock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.connecting import Connection, open_recording
from monitor.sources.container import is_cut_off
from monitor.sources.diagnosis import NO_PICTURE
from monitor.sources.files import check_file
from monitor.sources.packets import PacketCopies, PacketTap
from monitor.sources.timeline import Repairs, repaired
from monitor.sources.tracks import choose_track
from monitor.sources.video import Decoded, PictureConverter, VideoDecoder

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

#: Assumed where a recording states no usable rate, as FFmpeg does.
USUAL_FPS = 25.0

#: A recording may end this many seconds before the last frame in its index: an index counts in decoding order.
_END_SLACK_S = 0.5


@dataclass(frozen=True, slots=True)
class _Timed:
    decoded: Decoded
    time_s: float


class RecordingSource:
    """One video track of a file; frames are turned upright and deinterlaced.

    `time_s` counts from the first frame by the file's own clock, so that a variable frame rate keeps its true times;
    times that cannot be true are replaced (`monitor.sources.timeline`), which `notes` describe at the end. `threads`
    is FFmpeg's own thread count and changes no pixel. `track` is the number of the video track, None for the best one.
    A `tap` receives the packets as they are read, by `clock`.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        threads: int = 1,
        track: int | None = None,
        tap: PacketTap | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self._address = address
        self._threads = threads
        self._track = track
        self._tap = tap
        self._clock = clock or SystemClock()
        self._connection: Connection | None = None
        self._frames: Iterator[tuple[Decoded, float]] = iter(())
        self._next: _Timed | None = None
        self._current: _Timed | None = None
        self._converter = PictureConverter(address)
        self._fps = USUAL_FPS
        self._repairs = Repairs()
        self._expected_end_s: float | None = None
        self._shown_end_s = 0.0
        self._index = -1

    def open(self) -> SourceInfo:
        """Open the file and decode its first frame; raises `SourceError`."""
        path = Path(self._address.value)
        check_file(path)
        connection = self._connection = open_recording(path)
        stream = choose_track(connection.container, self._address, self._track)
        rate = stream.average_rate or stream.guessed_rate
        stated_fps = float(rate) if rate and 0 < rate < 1000 else None
        self._fps = stated_fps or USUAL_FPS
        self._expected_end_s = _end_s(stream)
        decoded = ((each, each.media_s) for each in self._decoded(connection, stream))
        self._frames = repaired(decoded, 1 / self._fps, self._repairs)
        self._next = self._following()
        if self._next is None:
            raise SourceError(f"{self._address}: {NO_PICTURE}", Cause.UNDECODABLE)
        first = self._converter.convert(self._next.decoded.frame)
        return SourceInfo(
            width_px=int(first.shape[1]),
            height_px=int(first.shape[0]),
            fps=stated_fps,
            frame_count=_frame_count(connection.container, stream, self._fps),
            codec=stream.codec_context.name,
            live=False,
        )

    def grab(self) -> float | None:
        """Step to the next frame and return its time; see the port."""
        if self._connection is None:
            raise SourceError(f"{self._address}: is not open")
        self._current = self._next or self._following()
        self._next = None
        if self._current is None:
            self._end()
            return None
        self._index += 1
        return self._current.time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; see the port."""
        current = self._current
        if current is None:
            raise SourceError(f"{self._address}: is not open")
        image = self._converter.convert(current.decoded.frame)
        return Frame(image, self.source_id, self._index, current.time_s, None, current.time_s)

    @property
    def media_s(self) -> float | None:
        """The recording's position in seconds at the frame last grabbed."""
        return None if self._current is None else self._current.time_s

    @property
    def stamp_s(self) -> float | None:
        """The time stamp of the frame last grabbed, by the file's own clock."""
        return None if self._current is None else self._current.decoded.media_s

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the recording's clock was replaced so far, in words."""
        repairs = self._repairs.describe(self._fps)
        return () if repairs is None else (f"the times of the recording cannot be true: {repairs}",)

    def close(self) -> None:
        """Close the file."""
        self._frames, self._next, self._current = iter(()), None, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _following(self) -> _Timed | None:
        following = next(self._frames, None)
        return None if following is None else _Timed(*following)

    def _decoded(self, connection: Connection, stream: "VideoStream") -> Iterator[Decoded]:
        """Decode the track; damaged packets and frames are left out and counted."""
        from av.error import FFmpegError

        decoder = VideoDecoder(stream, self._threads)
        copies = None if self._tap is None else PacketCopies(self._tap, stream, has_clock=connection.has_clock)
        packets = connection.container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError):  # damaged beyond what a demuxer can skip
                self.lost_frames += 1
                return
            if packet is None:
                return
            if copies is not None:
                copies.copy(packet, self._clock.monotonic_s())
            try:
                frames = decoder.decode(packet)
            except FFmpegError:
                self.lost_frames += 1
                continue
            for decoded in frames:
                if decoded.media_s is not None:
                    self._shown_end_s = max(self._shown_end_s, decoded.media_s)
                if decoded.corrupt:
                    self.lost_frames += 1
                else:
                    yield decoded

    def _end(self) -> None:
        if is_cut_off(Path(self._address.value)):
            self.end_reason = EndReason.TRUNCATED
            return
        if self._expected_end_s is not None:
            missing_s = self._expected_end_s - self._shown_end_s - max(_END_SLACK_S, 2 / self._fps)
            if missing_s > 0:
                self.lost_frames = max(self.lost_frames, 1, round(missing_s * self._fps))
        if self.lost_frames:
            self.end_reason = EndReason.DAMAGED


def _end_s(stream: "VideoStream") -> float | None:
    """Return the time of the last frame that an MP4's index counts as shown; None for other containers.

    Frames that an edit list leaves out are in the index, but marked.
    """
    if not stream.container.format.name.startswith("mov") or stream.time_base is None:
        return None
    ends = [entry.timestamp for entry in stream.index_entries if not entry.is_discard]
    return float(max(ends) * stream.time_base) if ends else None


def _frame_count(container: "InputContainer", stream: "VideoStream", fps: float) -> int | None:
    """Return how many frames the container states, or its length at its rate; None if it states neither."""
    if stream.frames > 0:
        return int(stream.frames)
    if stream.duration is not None and stream.time_base is not None:
        return round(float(stream.duration * stream.time_base) * fps) or None
    duration = container.duration
    return round(duration / 1e6 * fps) or None if duration else None

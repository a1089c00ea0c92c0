"""RTSP and HTTP(S) streams, through PyAV.

OpenCV opens one capture at a time in the whole process, so that one unresponsive camera prevents all others from
connecting, and does not report why a stream fails or that a picture is damaged. PyAV runs the same FFmpeg without these
limits.
"""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.catching_up import CatchingUp
from monitor.sources.connecting import Connection, open_stream
from monitor.sources.diagnosis import NO_PICTURE
from monitor.sources.lag import Lag
from monitor.sources.packets import PacketCopies, PacketTap
from monitor.sources.tracks import MAX_STREAM_PIXELS, choose_track, refuse_large
from monitor.sources.video import Decoded, PictureConverter, VideoDecoder, fitted

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

#: More damaged packets than this during a wait for a picture count as its cause.
_FEW_DAMAGED = 5


class StreamSource:
    """One video track of a network camera; frames are turned upright and deinterlaced.

    `time_s` is the monotonic clock at arrival. An address that gives single pictures is asked for `poll_fps` of them
    per second, waiting with `pause`. Pictures of more than `most_pixels` are scaled down to as many. A `tap` receives
    the packets as they came.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        clock: Clock,
        settings: CaptureSettings,
        poll_fps: float,
        pause: Callable[[float], object],
        most_pixels: int | None = None,
        tap: PacketTap | None = None,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self._address = address
        self._clock = clock
        self._settings = settings
        self._poll_fps = poll_fps
        self._pause = pause
        self._most_pixels = most_pixels
        self._tap = tap
        self._connection: Connection | None = None
        self._frames: Iterator[Decoded] = iter(())
        self._decoded: Decoded | None = None
        self._converter = PictureConverter(address, most_pixels)
        self._index = -1
        self._time_s = 0.0
        self._waiting_since_s = 0.0
        self._lag = Lag()
        self._catching_up = CatchingUp()
        self._lost_before = 0

    @property
    def media_s(self) -> float | None:
        """The stream's own clock at the frame last grabbed; None for Motion JPEG, whose times FFmpeg invents."""
        has_clock = self._connection is not None and self._connection.has_clock
        return self._decoded.media_s if self._decoded is not None and has_clock else None

    def open(self) -> SourceInfo:
        """Connect and analyse the stream; raises `SourceError`."""
        connection = self._connection = open_stream(self._address, self._settings, self._poll_fps, self._pause)
        stream = choose_track(connection.container, self._address, self._settings.stream)
        refuse_large(self._address, stream.width, stream.height)
        self._frames = self._read(connection, stream)
        rate = stream.average_rate or stream.guessed_rate
        width_px, height_px = fitted(stream.width, stream.height, self._most_pixels)
        return SourceInfo(
            width_px=width_px,
            height_px=height_px,
            fps=float(rate) if connection.has_clock and rate and 0 < rate < 1000 else None,
            frame_count=None,
            codec=stream.codec_context.name,
            live=True,
        )

    def grab(self) -> float | None:
        """Wait for the next frame and decode it, without converting it; see the port.

        Raises `MemoryError` if FFmpeg gets no memory for it.
        """
        from av.error import FFmpegError

        self._waiting_since_s, self._lost_before = time.monotonic(), self.lost_frames
        try:
            self._decoded = next(self._frames, None)
        except MemoryError:
            raise
        except (FFmpegError, OSError) as error:
            raise self._stopped(error, time.monotonic() - self._waiting_since_s) from None
        waited_s = time.monotonic() - self._waiting_since_s
        if self._decoded is None or waited_s > self._settings.read_timeout_s:
            raise self._stopped(None, waited_s)
        self._index += 1
        self._time_s = self._clock.monotonic_s()
        if self._tap is not None:
            self._tap.shown(self.media_s, self._time_s)
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; raises `SourceError` if FFmpeg reports damage."""
        if self._decoded is None or self._decoded.corrupt:
            raise SourceError(f"{self._address}: frame {self._index} is damaged", Cause.UNDECODABLE)
        image = self._converter.convert(self._decoded.frame)
        return Frame(image, self.source_id, self._index, self._time_s, self._clock.utc_now(), self.media_s)

    def close(self) -> None:
        """Close the connection."""
        self._decoded, self._frames = None, iter(())
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, connection: Connection, stream: "VideoStream") -> Iterator[Decoded]:
        from av.error import InvalidDataError

        decoder = VideoDecoder(stream, max_pixels=MAX_STREAM_PIXELS)
        copies = None if self._tap is None else PacketCopies(self._tap, stream, has_clock=connection.has_clock)
        for packet in connection.container.demux():  # sound too, so that a stop of the picture is noticed
            waited_s = time.monotonic() - self._waiting_since_s
            if waited_s > self._settings.read_timeout_s:
                raise self._stopped(None, waited_s)
            if packet.stream.index != stream.index:
                continue
            if copies is not None:
                copies.copy(packet, self._clock.monotonic_s())
            if connection.has_clock:
                self._keep_up(packet, stream)
            try:
                frames = decoder.decode(packet)
            except InvalidDataError:
                self.lost_frames += 1
                continue
            self.late_frames += not frames and self._catching_up.keyframes_only and packet.size > 0
            yield from frames

    def _keep_up(self, packet: "Packet[Any]", stream: "VideoStream") -> None:
        """Decode only keyframes while frames are late and decoding all of them does not help."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None:
            return
        now_s = self._clock.monotonic_s()
        lag_s = self._lag.update(now_s, float(stamp * packet.time_base))
        before = self._catching_up.keyframes_only
        if self._catching_up.update(now_s, lag_s, keyframe=packet.is_keyframe) != before:
            stream.codec_context.skip_frame = "DEFAULT" if before else "NONKEY"

    def _stopped(self, error: Exception | None, waited_s: float) -> SourceError:
        known = None if self._connection is None else self._connection.failure()
        if known is not None:
            return known
        read_timeout_s = self._settings.read_timeout_s
        damaged = self.lost_frames - self._lost_before > (_FEW_DAMAGED if self._index >= 0 else 0)
        if damaged or (self._index < 0 and error is None and waited_s < 0.9 * read_timeout_s):
            return SourceError(f"{self._address}: {NO_PICTURE}", Cause.UNDECODABLE)
        if waited_s > 0.9 * read_timeout_s:
            if self._catching_up.keyframes_only:
                return SourceError(
                    f"{self._address}: fell behind, and no keyframe arrived for {waited_s:.1f} s; reconnecting",
                    Cause.LAGGING,
                )
            return SourceError(
                f"{self._address}: no picture for {waited_s:.1f} s; check the camera and the network",
                Cause.TIMED_OUT,
            )
        if self._index < 0:
            words = "the connection broke off before the first picture; check the camera's limit of viewers"
            return SourceError(f"{self._address}: {words}", Cause.ENDED)
        return SourceError(f"{self._address}: the stream stopped giving frames", Cause.ENDED)

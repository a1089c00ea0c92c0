"""RTSP and HTTP(S) streams, through PyAV.

OpenCV opens one capture at a time in the whole process, so that one unresponsive camera prevents all others from
connecting, and does not report why a stream fails or that a picture is damaged. PyAV runs the same FFmpeg without these
limits.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.sources.connecting import open_stream
from monitor.sources.diagnosis import NO_PICTURE, NO_VIDEO
from monitor.sources.lag import Lag

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame

#: Above the first lag in seconds only keyframes are decoded, until one arrives with less than the second.
_LATE_S, _IN_TIME_S = 0.5, 0.25

#: More damaged packets than this during a wait for a picture count as its cause.
_FEW_DAMAGED = 5

#: The time-out in seconds without camera settings, as in a replay.
TIMEOUT_S = 10.0


class StreamSource:
    """One network camera.

    `time_s` is the monotonic clock at arrival. Opening gives up after `open_timeout_s`, a read after `read_timeout_s`.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        clock: Clock,
        open_timeout_s: float = TIMEOUT_S,
        read_timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self._address = address
        self._clock = clock
        self._timeouts_s = (open_timeout_s, read_timeout_s)
        self._container: InputContainer | None = None
        self._frames: Iterator[VideoFrame] = iter(())
        self._frame: VideoFrame | None = None
        self._index = -1
        self._time_s = 0.0
        self._waiting_since_s = 0.0
        self._has_clock = True
        self._lag = Lag()
        self._keyframes_only = False
        self._lost_before = 0

    @property
    def media_s(self) -> float | None:
        """The stream's own clock at the frame last grabbed; None for Motion JPEG, whose times FFmpeg invents."""
        return self._frame.time if self._frame is not None and self._has_clock else None

    def open(self) -> SourceInfo:
        """Connect and analyse the stream; raises `SourceError`."""
        container = self._container = open_stream(self._address, *self._timeouts_s)
        if not container.streams.video:
            raise SourceError(f"{self._address}: {NO_VIDEO}", Cause.UNDECODABLE)
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        codec = stream.codec_context.name
        self._has_clock = codec != "mjpeg" or self._address.value.lower().startswith("rtsp")
        self._frames = self._decoded(container)
        rate = stream.average_rate or stream.guessed_rate
        return SourceInfo(
            width_px=stream.codec_context.width,
            height_px=stream.codec_context.height,
            fps=float(rate) if rate and 0 < rate < 1000 else None,
            frame_count=None,
            codec=codec,
            live=True,
        )

    def grab(self) -> float | None:
        """Wait for the next frame and decode it, without converting it; see the port."""
        from av.error import FFmpegError

        self._waiting_since_s, self._lost_before = time.monotonic(), self.lost_frames
        try:
            self._frame = next(self._frames, None)
        except (FFmpegError, OSError) as error:
            raise self._stopped(error, time.monotonic() - self._waiting_since_s) from None
        waited_s = time.monotonic() - self._waiting_since_s
        if self._frame is None or waited_s > self._timeouts_s[1]:
            raise self._stopped(None, waited_s)
        self._index += 1
        self._time_s = self._clock.monotonic_s()
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; raises `SourceError` if FFmpeg reports damage."""
        if self._frame is None or self._frame.is_corrupt:
            raise SourceError(f"{self._address}: frame {self._index} is damaged", Cause.UNDECODABLE)
        image = cast(Image, self._frame.to_ndarray(format="bgr24"))
        image.setflags(write=False)
        return Frame(image, self.source_id, self._index, self._time_s, self._clock.utc_now(), self.media_s)

    def close(self) -> None:
        """Close the connection."""
        self._frame, self._frames = None, iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decoded(self, container: "InputContainer") -> Iterator["VideoFrame"]:
        from av.error import InvalidDataError

        for packet in container.demux():  # sound too, so that a stop of the picture is noticed
            waited_s = time.monotonic() - self._waiting_since_s
            if waited_s > self._timeouts_s[1]:
                raise self._stopped(None, waited_s)
            if packet.stream.type != "video":
                continue
            self._keep_up(packet)
            try:
                frames = cast("list[VideoFrame]", packet.decode())
            except InvalidDataError:
                self.lost_frames += 1
                continue
            self.late_frames += not frames and self._keyframes_only and packet.size > 0
            yield from frames

    def _keep_up(self, packet: "Packet[Any]") -> None:
        """Decode only keyframes while frames are late, until one is in time, so that delays do not add up."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None or not self._has_clock:
            return
        lag_s = self._lag.update(self._clock.monotonic_s(), float(stamp * packet.time_base))
        if not self._keyframes_only and lag_s > _LATE_S:
            self._keyframes_only = True
            packet.stream.codec_context.skip_frame = "NONKEY"
        elif self._keyframes_only and lag_s < _IN_TIME_S and packet.is_keyframe:
            self._keyframes_only = False
            packet.stream.codec_context.skip_frame = "DEFAULT"

    def _stopped(self, error: Exception | None, waited_s: float) -> SourceError:
        damaged = self.lost_frames - self._lost_before > (_FEW_DAMAGED if self._index >= 0 else 0)
        if damaged or (self._index < 0 and error is None and waited_s < 0.9 * self._timeouts_s[1]):
            return SourceError(f"{self._address}: {NO_PICTURE}", Cause.UNDECODABLE)
        if waited_s > 0.9 * self._timeouts_s[1]:
            if self._keyframes_only:
                return SourceError(
                    f"{self._address}: fell behind, and no keyframe arrived for {waited_s:.1f} s; reconnecting",
                    Cause.LAGGING,
                )
            return SourceError(
                f"{self._address}: no picture for {waited_s:.1f} s; check the camera and the network",
                Cause.TIMED_OUT,
            )
        return SourceError(f"{self._address}: the stream stopped giving frames", Cause.ENDED)

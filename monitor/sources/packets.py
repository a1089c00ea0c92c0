"""The compressed pictures of a source as they came, for whoever keeps them."""

import contextlib
import io
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

#: Ticks per second of arrival times, for sources without a clock of their own; also the clock of RTP video.
ARRIVAL_BASE = Fraction(1, 90_000)

#: A source whose first packets, so many, have no time has no clock.
_UNTIMED = 50
_USUAL_FPS = 25

_START_CODE = b"\0\0\1"

#: The types of parameter sets, and the highest type of a slice, by codec (ITU-T H.264, table 7-1; H.265, table 7-1).
_H264_SETS, _H264_SLICES = (7, 8), range(1, 6)
_HEVC_SETS, _HEVC_SLICES = (32, 33, 34), range(32)


@dataclass(frozen=True, slots=True, eq=False)
class StreamFormat:
    """What a decoder must know before the first packet.

    Sizes in pixels, of the picture as it is stored. `template` holds a copy of FFmpeg's parameters, which outlives the
    connection; None for `codec`s that need none. `sets` are H.264's or HEVC's parameter sets that replace those of the
    template, because the camera has sent others since.
    """

    codec: str
    width_px: int
    height_px: int
    time_base: Fraction
    template: "OutputContainer | InputContainer | None" = None
    sets: tuple[bytes, ...] = ()

    @property
    def extradata(self) -> bytes | None:
        """The parameter sets with their start codes, None if they are those of the template."""
        return b"".join(b"\0" + _START_CODE + each for each in self.sets) or None


@dataclass(frozen=True, slots=True)
class StreamPacket:
    """One compressed picture; `pts` and `dts` in ticks of its format's time base, `time_s` the monotonic arrival."""

    data: bytes
    pts: int | None
    dts: int | None
    keyframe: bool
    time_s: float


class PacketTap(Protocol):
    """Receives the packets of one source on the thread that reads it; must return at once."""

    def begin(self, stream_format: StreamFormat) -> None:
        """Note that the following packets have this format, and do not continue those before."""

    def add(self, packet: StreamPacket) -> None:
        """Add the next packet, in decoding order."""

    def shown(self, stamp_s: float | None, time_s: float) -> None:
        """Note that the frame with the time stamp `stamp_s`, in seconds of the packets' clock, has the time `time_s`.

        None: the frame of the last packet.
        """


class PacketCopies:
    """Copies the packets of one open track for a tap, and notices when the format changes within it.

    `has_clock`: the packets' times are the source's own; otherwise they are those of arrival.
    """

    def __init__(self, tap: PacketTap, stream: "VideoStream", *, has_clock: bool) -> None:
        self._tap = tap
        self._has_clock = has_clock
        self._format = _format_of(stream, None if has_clock else ARRIVAL_BASE)
        # Length-prefixed packets, as in MP4, have their parameter sets in the header alone.
        extradata = stream.codec_context.extradata or b""
        self._in_band = self._format.codec in ("h264", "hevc") and not extradata.startswith(b"\1")
        self._sets = parameter_sets(extradata, self._format.codec) if self._in_band else ()
        rate = stream.average_rate or stream.guessed_rate or _USUAL_FPS
        self._period = int(1 / rate / self._format.time_base)
        self._waiting: list[StreamPacket] = []
        self._is_timed = False
        self._last_ticks = 0
        tap.begin(self._format)

    def copy(self, packet: "Packet[Any]", time_s: float) -> None:
        """Pass on a copy of a packet that arrived at `time_s`."""
        if not packet.size:
            return
        data, keyframe = bytes(packet), packet.is_keyframe
        if keyframe and self._in_band:
            sets = parameter_sets(data, self._format.codec)
            if sets and sets != self._sets:
                self._sets = sets
                self._format = replace(self._format, sets=sets)
                self._tap.begin(self._format)
        self._pass_on(StreamPacket(data, packet.pts, packet.dts, keyframe, time_s))

    def _pass_on(self, packet: StreamPacket) -> None:
        """Give a packet a time if it has none: by the source's clock if others have one, otherwise of its arrival.

        The first packets of RTSP streams with B-frames have none.
        """
        stated = packet.pts if packet.pts is not None else packet.dts
        if self._has_clock and stated is None and len(self._waiting) < _UNTIMED and not self._is_timed:
            self._waiting.append(packet)
            return
        if stated is None:
            self._has_clock = self._has_clock and self._is_timed
        self._is_timed = True
        waiting, self._waiting = [*self._waiting, packet], []
        for number, each in enumerate(waiting, start=1 - len(waiting)):
            ticks = each.pts if each.pts is not None else each.dts
            if self._has_clock and ticks is not None:
                self._last_ticks = ticks
                self._tap.add(each)
                continue
            if not self._has_clock:
                ticks = int(each.time_s / self._format.time_base)
            else:
                ticks = self._last_ticks + self._period if stated is None else stated + number * self._period
            self._last_ticks = ticks
            self._tap.add(replace(each, pts=ticks, dts=ticks))


def parameter_sets(data: bytes, codec: str) -> tuple[bytes, ...]:
    """Return the parameter sets in front of the first slice of a packet with start codes; codec "h264" or "hevc"."""
    kinds, slices = (_H264_SETS, _H264_SLICES) if codec == "h264" else (_HEVC_SETS, _HEVC_SLICES)
    sets = []
    at = data.find(_START_CODE)
    while 0 <= at < len(data) - 3:
        begin = at + 3
        kind = data[begin] & 0x1F if codec == "h264" else data[begin] >> 1 & 0x3F
        if kind in slices:
            break
        at = data.find(_START_CODE, begin)
        if kind in kinds:
            sets.append(data[begin : at if at >= 0 else None].rstrip(b"\0"))
    return tuple(sets)


def _format_of(stream: "VideoStream", time_base: Fraction | None) -> StreamFormat:
    import av

    template = av.open(io.BytesIO(), "w", format="mp4")
    codec = stream.codec_context.name
    with contextlib.suppress(ValueError):  # the codec has no place in an MP4: who keeps the packets finds no stream
        template.add_stream_from_template(stream, opaque=True)
    base = time_base or stream.time_base or ARRIVAL_BASE
    return StreamFormat(codec, stream.width, stream.height, base, template)

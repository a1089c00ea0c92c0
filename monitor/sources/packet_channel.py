"""Packets of a camera on their way from the process that reads it to the monitor, as bytes.

Nothing is unpickled: what a camera sends may have taken over the process that reads it.
"""

import io
import json
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from monitor.sources.packets import PacketTap, StreamFormat, StreamPacket

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

#: The most bytes of packets between two requests of the monitor; what exceeds it is dropped, up to a keyframe.
MOST_BYTES = 16 * 2**20

_LENGTH = struct.Struct("<I")
_BEGIN, _ADD = "begin", "add"


class PacketSender:
    """Keeps packets as bytes until they are taken; a `PacketTap`, in the process that reads the camera."""

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._size = 0
        self._format: StreamFormat | None = None
        self._is_cut = False

    def begin(self, stream_format: StreamFormat) -> None:
        """Note that the following packets have this format, and do not continue those before."""
        self._format = stream_format
        template = stream_format.template
        streams = [] if template is None else template.streams.video
        blobs = [_header_of(streams[0]) if streams else b"", *stream_format.sets]
        base = stream_format.time_base
        self._put(
            {
                "codec": stream_format.codec,
                "width": stream_format.width_px,
                "height": stream_format.height_px,
                "base": [base.numerator, base.denominator],
            },
            blobs,
            _BEGIN,
        )

    def add(self, packet: StreamPacket) -> None:
        """Add the next packet, in decoding order."""
        if self._is_cut:
            if not packet.keyframe or self._format is None:
                return
            self._is_cut = False
            self.begin(self._format)
        if self._size + len(packet.data) > MOST_BYTES:
            self._records, self._size, self._is_cut = [], 0, True
            return
        fields = {"pts": packet.pts, "dts": packet.dts, "keyframe": packet.keyframe, "time_s": packet.time_s}
        self._put(fields, [packet.data], _ADD)

    def shown(self, stamp_s: float | None, time_s: float) -> None:
        """Do nothing: the monitor knows which time it gave to a frame."""

    def take(self) -> bytes:
        """Return what was added since the last call."""
        taken = b"".join(self._records)
        self._records, self._size = [], 0
        return taken

    def _put(self, fields: dict[str, Any], blobs: list[bytes], kind: str) -> None:
        header = json.dumps(fields | {"kind": kind, "sizes": [len(blob) for blob in blobs]}).encode()
        record = b"".join([_LENGTH.pack(len(header)), header, *blobs])
        self._records.append(record)
        self._size += len(record)


def deliver(data: bytes, tap: PacketTap) -> None:
    """Pass on what a `PacketSender` returned; raises `ValueError` if it is something else."""
    view, at = memoryview(data), 0
    try:
        while at < len(data):
            (length,) = _LENGTH.unpack_from(view, at)
            fields = json.loads(bytes(view[at + 4 : at + 4 + length]))
            at += 4 + length
            blobs = []
            for size in fields["sizes"]:
                if not 0 <= size <= len(data) - at:
                    raise ValueError(f"{size} bytes of {len(data) - at}")
                blobs.append(bytes(view[at : at + size]))
                at += size
            _pass_on(fields, blobs, tap)
    except (struct.error, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not packets: {error!r}") from error


def _pass_on(fields: dict[str, Any], blobs: list[bytes], tap: PacketTap) -> None:
    if fields["kind"] == _ADD:
        (data,) = blobs
        pts, dts = fields["pts"], fields["dts"]
        tap.add(StreamPacket(data, pts, dts, bool(fields["keyframe"]), float(fields["time_s"])))
        return
    template, *sets = blobs
    tap.begin(
        StreamFormat(
            str(fields["codec"]),
            int(fields["width"]),
            int(fields["height"]),
            Fraction(*fields["base"]),
            _opened(template) if template else None,
            tuple(sets),
        )
    )


def _header_of(stream: "VideoStream") -> bytes:
    """Return FFmpeg's parameters of a stream as a NUT file with one empty packet, without which it is no file."""
    import av

    target = io.BytesIO()
    with av.open(target, "w", format="nut") as container:
        copy = container.add_stream_from_template(stream, opaque=True)
        packet = av.Packet(b"\0")
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = copy, 0, 0, True
        container.mux(packet)
    return target.getvalue()


def _opened(header: bytes) -> "InputContainer":
    import av
    from av.error import FFmpegError

    try:
        return av.open(io.BytesIO(header), "r", format="nut")
    except FFmpegError as error:
        raise ValueError(f"not the parameters of a stream: {error}") from error

"""Video files of packets: recorded so that a crash loses at most a second, and completed so that browsers play them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.domain.errors import OutputError
from monitor.domain.frame import Image
from monitor.sources.packets import StreamFormat, StreamPacket

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

#: A file that is being recorded consists of fragments, each complete in itself, of half a second or more.
_FRAGMENTS = {"movflags": "empty_moov+default_base_moof", "frag_duration": "500000", "flush_packets": "1"}

#: The index comes first, so that playing begins before the whole file has been loaded.
_INDEX_FIRST = {"movflags": "faststart"}

#: What browsers play; everything else is decoded and encoded as H.264. HEVC plays where the machine can decode it.
_PLAYED = ("h264", "hevc")

#: Without this tag, which says that the parameter sets are in the header, Apple's players refuse HEVC.
_TAGS = {"hevc": "hvc1"}

#: A decoding time that is missing is this long before the time of showing.
_REORDERED = Fraction(1, 2)

#: Ticks per second of encoded pictures: as exact as RTP's.
_TIME_BASE = Fraction(1, 90_000)

#: Fast, small and without B-frames; a keyframe every two seconds for seeking.
_ENCODER = {"preset": "veryfast", "crf": "23", "bf": "0", "profile": "high"}
_KEYFRAME_EVERY_S = 2.0

Edit = Callable[[Image, float], Image]


@dataclass(frozen=True, slots=True)
class Completed:
    """A complete video: its length in seconds, its size in pixels, and its codec."""

    duration_s: float
    width_px: int
    height_px: int
    codec: str


@contextmanager
def muxing(path: Path) -> Iterator[None]:
    """Convert FFmpeg's and the system's errors into an `OutputError` that names the file."""
    from av.error import FFmpegError

    try:
        yield
    except (FFmpegError, OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


class PacketWriter:
    """Writes packets of one scene into a file, as they came; the first one must be a keyframe.

    Times count from the first packet's. `path` must exist. Raises `OutputError`.
    """

    def __init__(self, path: Path, stream_format: StreamFormat, first: StreamPacket) -> None:
        import av

        self._path = path
        self._base_ticks = first.pts if first.pts is not None else first.dts or 0
        self._time_base = stream_format.time_base
        self._in_first_group = True
        self._last_dts: int | None = None
        with muxing(path):
            self._container = av.open(f"file:{path.absolute()}", "w", format="mp4", options=_FRAGMENTS)
            self._stream = _add_stream(self._container, stream_format, first)
            self._stream.time_base = self._time_base

    def write(self, packet: StreamPacket) -> None:
        """Add a packet; raises `OutputError`."""
        import av

        pts = packet.pts if packet.pts is not None else packet.dts
        assert pts is not None
        pts -= self._base_ticks
        if packet.keyframe and self._last_dts is not None:
            self._in_first_group = False
        if self._in_first_group and pts < 0:
            return  # it refers to pictures before the first one
        reordered = int(_REORDERED / self._time_base)
        dts = pts - reordered if packet.dts is None else min(packet.dts - self._base_ticks, pts)
        if self._last_dts is not None and dts <= self._last_dts:
            dts = self._last_dts + 1
        self._last_dts, pts = dts, max(pts, dts)
        copy: Packet[Any] = av.Packet(packet.data)
        copy.pts, copy.dts, copy.time_base = pts, dts, self._time_base
        copy.is_keyframe, copy.stream = packet.keyframe, self._stream
        with muxing(self._path):
            self._container.mux(copy)

    def close(self) -> None:
        """Write what is still in memory; raises `OutputError`."""
        with muxing(self._path):
            self._container.close()


def complete(recorded: Path, target: Path, go_on: Callable[[], None]) -> Completed | None:
    """Make a video that browsers play of what `PacketWriter` has written, also if it was cut off; None if it is empty.

    H.264 and HEVC are copied without decoding; other codecs are encoded as H.264, and `go_on`, which may raise, is
    called for every picture. `target` must exist. Raises `OutputError`.
    """

    def unchanged(image: Image, _: float) -> Image:
        go_on()
        return image

    import av
    from av.error import FFmpegError

    try:
        container = av.open(f"file:{recorded.absolute()}", options={"protocol_whitelist": "file"})
    except FFmpegError:
        return None  # killed before the first fragment was complete
    with container:
        if not container.streams.video:
            return None
        if container.streams.video[0].codec_context.name in _PLAYED:
            return _copied(container, target)
    return encode_again(recorded, target, unchanged)


def encode_again(source: Path, target: Path, edit: Edit) -> Completed | None:
    """Decode a video and encode it as H.264, each picture (H x W x 3, uint8, BGR, upright) changed by `edit`.

    `edit` gets the picture's time in seconds from the first one too. Returns None if no picture can be decoded;
    `target` must exist. Raises `OutputError`.
    """
    import av

    from monitor.domain.address import SourceAddress
    from monitor.sources.video import PictureConverter

    converter = PictureConverter(SourceAddress(str(source)))
    encoder: _Encoder | None = None
    with muxing(target), av.open(f"file:{source.absolute()}", options={"protocol_whitelist": "file"}) as container:
        track = container.streams.video[0]
        track.codec_context.thread_count = 1
        first: float | None = None
        try:
            for frame in _decoded(container, track):
                time_s = float((frame.pts or 0) * (track.time_base or 0))
                first = time_s if first is None else first
                image = edit(converter.convert(frame), time_s - first)
                if encoder is None:
                    encoder = _Encoder(target, image.shape[1], image.shape[0])
                encoder.write(image, time_s - first)
        finally:
            if encoder is not None:
                encoder.close()
    return None if encoder is None else encoder.completed


class _Encoder:
    def __init__(self, target: Path, width_px: int, height_px: int) -> None:
        import av
        from av.video.stream import VideoStream

        # 4:2:0 needs even sides: an odd last row or column is left out.
        self._width_px, self._height_px = width_px - width_px % 2, height_px - height_px % 2
        self._container = av.open(f"file:{target.absolute()}", "w", format="mp4", options=_INDEX_FIRST)
        stream = self._container.add_stream("libx264", options=dict(_ENCODER))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = self._width_px, self._height_px, "yuv420p"
        context.time_base, context.thread_count = _TIME_BASE, 1
        self._last_ticks = -1
        self._keyframe_s = -_KEYFRAME_EVERY_S

    def write(self, image: Image, time_s: float) -> None:
        import numpy as np
        from av.video.frame import PictureType, VideoFrame

        cut = np.ascontiguousarray(image[: self._height_px, : self._width_px])
        frame = VideoFrame.from_ndarray(cut, format="bgr24")
        self._last_ticks = max(self._last_ticks + 1, round(time_s / _TIME_BASE))
        frame.pts, frame.time_base = self._last_ticks, _TIME_BASE
        if time_s - self._keyframe_s >= _KEYFRAME_EVERY_S:
            frame.pict_type, self._keyframe_s = PictureType.I, time_s
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    @property
    def completed(self) -> Completed:
        return Completed(float(self._last_ticks * _TIME_BASE), self._width_px, self._height_px, "h264")


def _copied(container: "InputContainer", target: Path) -> Completed | None:
    import av

    source = container.streams.video[0]
    codec = source.codec_context.name
    base = last = None
    with muxing(target), av.open(f"file:{target.absolute()}", "w", format="mp4", options=_INDEX_FIRST) as output:
        copy = output.add_stream_from_template(source, opaque=True)
        _tag(copy)
        for packet in _packets(container, source):
            if packet.pts is None or packet.dts is None:
                continue
            base = packet.pts if base is None else base
            last = packet.pts if last is None else max(last, packet.pts)
            packet.pts, packet.dts = packet.pts - base, packet.dts - base
            packet.stream = copy
            output.mux(packet)
        if base is None or last is None or source.time_base is None:
            return None
        return Completed(float((last - base) * source.time_base), source.width, source.height, codec)


def _packets(container: "InputContainer", stream: "VideoStream") -> "Iterator[Packet[VideoStream]]":
    """Return the packets up to where the file was cut off."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (FFmpegError, OSError):
            return
        if packet is None:
            return
        if packet.size:
            yield packet


def _decoded(container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame]":
    """Return the frames that can be decoded."""
    from av.error import InvalidDataError

    for packet in chain(_packets(container, stream), (None,)):
        try:
            yield from stream.decode(packet)
        except InvalidDataError:
            continue


def _add_stream(container: "OutputContainer", stream_format: StreamFormat, first: StreamPacket) -> "VideoStream":
    from av.video.stream import VideoStream

    if stream_format.template is None:
        size = {"width": stream_format.width_px, "height": stream_format.height_px}
        stream: Any = container.add_mux_stream(stream_format.codec, **size)
    elif not stream_format.template.streams.video:
        raise ValueError(f"an MP4 cannot contain {stream_format.codec}")
    else:
        stream = container.add_stream_from_template(stream_format.template.streams.video[0], opaque=True)
    assert isinstance(stream, VideoStream)
    if (extradata := stream_format.extradata) is not None:
        stream.codec_context.extradata = extradata
        stream.codec_context.width, stream.codec_context.height = _size_of(stream_format.codec, extradata, first)
    _tag(stream)
    return stream


def _size_of(codec: str, extradata: bytes, first: StreamPacket) -> tuple[int, int]:
    """Return (width, height) in pixels as the parameter sets state them."""
    import io

    import av

    with av.open(io.BytesIO(extradata + first.data), format=codec) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height


def _tag(stream: "VideoStream") -> None:
    if stream.codec_context is not None and (tag := _TAGS.get(stream.codec_context.name)) is not None:
        stream.codec_context.codec_tag = tag

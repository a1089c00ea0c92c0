"""Watches a source in the process that `examine` starts: the arrival of its packets, and the cost of decoding."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.domain.address import SourceAddress, SourceKind
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.domain.ports import Source
from monitor.probe.delivery import Arrival, ProbePlan, StreamFacts, delivery_of, link_of
from monitor.sources.connecting import open_stream
from monitor.sources.container import is_cut_off

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

#: CPU seconds of decoding after which frames are only counted, so that the measurement ends in time.
DECODE_BUDGET_S = 20.0

#: Encoded frames of a live stream are kept in memory until the end, so that decoding does not delay arrivals.
_KEPT_BYTES = 256 * 2**20

#: Formats whose times are made up by FFmpeg from a fixed 25 frames a second.
_NO_CLOCK = ("mpjpeg", "mjpeg")

Pictures = Callable[[float, Image], None]


def watch_address(
    address: SourceAddress, plan: ProbePlan, on_picture: Pictures, on_open: Callable[[], None]
) -> StreamFacts:
    """Watch a stream or recording through PyAV; raises `SourceError`."""
    started = time.monotonic()
    with _open(address, plan) as container:
        stream = _video_of(container, address)
        on_open()
        return _watch(container, stream, address, plan, started, on_picture)


def watch_source(source: Source, address: SourceAddress, plan: ProbePlan, on_picture: Pictures) -> StreamFacts:
    """Watch a live source through its port, for devices that FFmpeg cannot open everywhere; raises `SourceError`."""
    started = time.monotonic()
    info = source.open()
    try:
        opened = time.monotonic()
        watch = _Watch(opened, plan)
        arrivals: list[Arrival] = []
        first_s, next_picture_s, pictures, spent_s, broke_off = None, 0.0, 0, 0.0, None
        while True:
            before_s = time.thread_time()
            try:
                grabbed = source.grab()
            except SourceError:
                grabbed = None
            now = time.monotonic()
            if grabbed is None:
                broke_off = f"it stopped giving frames after {now - opened:.1f} s"
                break
            arrivals.append(Arrival(now, None, None, key=True, size_bytes=0))
            if now - opened >= next_picture_s:
                image = source.retrieve().image
                spent_s += time.thread_time() - before_s
                first_s = first_s or time.monotonic() - started
                next_picture_s = now - opened + 1 / plan.inference_fps
                pictures += 1
                on_picture(now - opened, image)
            if watch.over(now):
                break
    finally:
        source.close()
    if first_s is None:
        raise SourceError(f"{source.source_id}: opens, but gives no picture", Cause.TIMED_OUT)
    return StreamFacts(
        kind=address.kind,
        link=link_of(address),
        container="V4L2",
        codec=info.codec or "?",
        profile=None,
        width_px=info.width_px,
        height_px=info.height_px,
        pixel_format=info.codec,
        nominal_fps=info.fps,
        delivery=delivery_of(arrivals, time.monotonic(), live=True),
        open_s=opened - started,
        first_frame_s=first_s,
        decoded=pictures,
        corrupt=0,
        decode_ms=1000 * spent_s / pictures,
        convert_ms=None,
        broke_off=broke_off,
    )


def is_a_picture(address: SourceAddress) -> SourceError:
    """Return the error for an address that gives a single picture."""
    if address.kind is SourceKind.FILE:
        words = "is a picture, not a camera or recording; use: scripts/run image"
        return SourceError(f"{address}: {words}", Cause.UNDECODABLE)
    words = "sends a single picture, not a stream; use the camera's RTSP or MJPEG address"
    return SourceError(f"{address}: {words}", Cause.UNDECODABLE)


def _open(address: SourceAddress, plan: ProbePlan) -> "InputContainer":
    if address.kind is SourceKind.STREAM:
        return open_stream(address, plan.capture.open_timeout_s, plan.capture.read_timeout_s)
    import av
    from av.error import FFmpegError

    av.logging.set_level(None)
    try:
        return av.open(str(Path(address.value).absolute()))
    except (FFmpegError, OSError):
        words = "not a readable video: damaged, cut off before its index, or another kind of file"
        raise SourceError(f"{address}: {words}", Cause.UNDECODABLE) from None


def _video_of(container: "InputContainer", address: SourceAddress) -> "VideoStream":
    from av.stream import Disposition

    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        raise is_a_picture(address)
    for stream in container.streams.video:
        if not Disposition(stream.disposition) & Disposition.attached_pic:
            return stream
    if container.streams.audio:
        codec = container.streams.audio[0].codec_context.name
        raise SourceError(f"{address}: contains sound ({codec}) but no video", Cause.UNDECODABLE)
    words = "not a readable video: contains no video track"
    raise SourceError(f"{address}: {words}", Cause.UNDECODABLE)


@dataclass(frozen=True, slots=True)
class _Watch:
    """The end of a live measurement."""

    started: float
    plan: ProbePlan

    def over(self, now: float) -> bool:
        return now - self.started >= self.plan.seconds


@dataclass(slots=True)
class _Decoder:
    """Decodes on one thread, counts frames and CPU time, and passes pictures on at `inference_fps`."""

    stream: "VideoStream"
    inference_fps: float
    on_picture: Pictures
    frames: int = 0
    corrupt: int = 0
    spent_s: float = 0.0
    converted: int = 0
    converting_s: float = 0.0
    first_at: float | None = None
    size: tuple[int, int] = (0, 0)
    fed_s: float = 0.0
    rotation_deg: int = 0
    interlaced: bool = False
    _next_picture_s: float = field(default=-np.inf)

    def __post_init__(self) -> None:
        self.stream.codec_context.thread_type = "NONE"
        self.stream.codec_context.thread_count = 1

    def feed(self, packet: "Packet[VideoStream] | None", at_s: float) -> None:
        """Decode a packet, or with None the frames left in the decoder."""
        from av import error

        if self.spent_s > DECODE_BUDGET_S:
            return
        self.fed_s = at_s
        before_s = time.thread_time()
        try:
            frames = self.stream.codec_context.decode(packet)
        except (error.FFmpegError, OSError):
            frames = []
            self.corrupt += 1
        self.spent_s += time.thread_time() - before_s
        for frame in frames:
            self.frames += 1
            self.corrupt += frame.is_corrupt
            self.interlaced = self.interlaced or frame.interlaced_frame
            if self.first_at is None:
                self.first_at = time.monotonic()
            if at_s >= self._next_picture_s:
                self._next_picture_s = (
                    max(self._next_picture_s, at_s - 0.5 / self.inference_fps) + 1 / self.inference_fps
                )
                before_s = time.thread_time()
                pixels: Any = frame.to_ndarray(format="bgr24")
                self.converting_s += time.thread_time() - before_s
                self.converted += 1
                self.rotation_deg = round(frame.rotation) % 360
                image: Image = np.ascontiguousarray(np.rot90(pixels, self.rotation_deg // 90))
                self.size = (image.shape[1], image.shape[0])
                self.on_picture(at_s, image)


def _watch(
    container: "InputContainer",
    stream: "VideoStream",
    address: SourceAddress,
    plan: ProbePlan,
    started: float,
    on_picture: Pictures,
) -> StreamFacts:
    opened = time.monotonic()
    live = address.kind is SourceKind.STREAM
    clocked = container.format.name not in _NO_CLOCK
    nominal_fps = _nominal_fps(stream, live) if clocked else None
    decoder = _Decoder(stream, plan.inference_fps, on_picture)
    arrivals, kept, broke_off = _read(container, stream, decoder, plan, opened, live=live, clocked=clocked)
    ended = time.monotonic()
    for packet, at_s in kept:
        decoder.feed(packet, at_s)
    if live or broke_off is None:
        decoder.feed(None, decoder.fed_s)
    if not arrivals:
        raise _no_frame(address, broke_off)
    if decoder.first_at is None:
        raise _no_frame(address, None)
    width, height = decoder.size
    audio = container.streams.audio
    return StreamFacts(
        kind=address.kind,
        link=link_of(address),
        container="RTSP over TCP"
        if container.format.name == "rtsp"
        else "/".join(container.format.name.split(",")[:2]),
        codec=stream.codec_context.codec.canonical_name,
        profile=stream.profile,
        width_px=width,
        height_px=height,
        pixel_format=stream.codec_context.pix_fmt,
        nominal_fps=nominal_fps,
        delivery=delivery_of(arrivals, ended, live=live),
        open_s=opened - started,
        first_frame_s=decoder.first_at - started,
        decoded=decoder.frames,
        corrupt=decoder.corrupt,
        decode_ms=1000 * decoder.spent_s / decoder.frames,
        convert_ms=1000 * decoder.converting_s / decoder.converted if decoder.converted else None,
        rotation_deg=decoder.rotation_deg,
        interlaced=decoder.interlaced,
        audio=audio[0].codec_context.name if audio else None,
        length_s=container.duration / 1e6 if not live and container.duration else None,
        broke_off=broke_off,
        cut_off=not live and is_cut_off(Path(address.value)),
    )


def _no_frame(address: SourceAddress, broke_off: str | None) -> SourceError:
    if broke_off is not None and address.kind is SourceKind.STREAM:
        return SourceError(f"{address}: opens, but {broke_off}", Cause.TIMED_OUT)
    return SourceError(f"{address}: contains no frame that can be decoded", Cause.UNDECODABLE)


def _read(
    container: "InputContainer",
    stream: "VideoStream",
    decoder: _Decoder,
    plan: ProbePlan,
    opened: float,
    *,
    live: bool,
    clocked: bool,
) -> tuple[list[Arrival], "list[tuple[Packet[VideoStream], float]]", str | None]:
    """Read and record every packet; decode those of a recording at once, those of a stream up to the first picture."""
    from av import error

    watch = _Watch(opened, plan)
    arrivals: list[Arrival] = []
    kept: list[tuple[Packet[VideoStream], float]] = []
    kept_bytes, first_s, seen_key, broke_off, last = 0, None, False, None, opened
    try:
        for packet in container.demux(stream):
            now = last = time.monotonic()
            if packet.size == 0:  # the end
                if live:
                    broke_off = f"the stream ended after {now - opened:.1f} s"
                break
            media_s = _seconds(packet.pts, packet) if clocked else None
            order_s = _seconds(packet.dts, packet) if clocked else None
            arrivals.append(Arrival(now, media_s, order_s, packet.is_keyframe, packet.size))
            seen_key = seen_key or packet.is_keyframe
            first_s = media_s if first_s is None else first_s
            at_s = now - opened if media_s is None or first_s is None else media_s - first_s
            if not live:
                decoder.feed(packet, at_s)
                if at_s >= plan.seconds:
                    break
            else:
                if decoder.first_at is None and seen_key:
                    decoder.feed(packet, at_s)
                elif (seen_key or decoder.first_at is None) and kept_bytes < _KEPT_BYTES:
                    kept.append((packet, at_s))
                    kept_bytes += packet.size
                if watch.over(now):
                    break
    except (error.FFmpegError, OSError):
        broke_off = _why_it_broke(last, opened, plan) if live else "it is damaged"
    # Frames before the first keyframe cannot be decoded, unless there is none: some cameras refresh line by line.
    return arrivals, kept if decoder.first_at is not None or not seen_key else [], broke_off


def _why_it_broke(last: float, opened: float, plan: ProbePlan) -> str:
    """Return why a stream ended: no frames, or a lost connection; FFmpeg's errors do not distinguish them."""
    now = time.monotonic()
    if now - last > 0.9 * plan.capture.read_timeout_s:
        return f"no frame arrived for {plan.capture.read_timeout_s:g} s"
    return f"the connection broke off after {now - opened:.1f} s"


def _seconds(ticks: int | None, packet: "Packet[VideoStream]") -> float | None:
    return None if ticks is None else float(ticks * packet.time_base)


def _nominal_fps(stream: "VideoStream", live: bool) -> float | None:
    """Return the rate that the source itself states: in the stream where live, in the container where recorded."""
    stated = [stream.codec_context.framerate, stream.guessed_rate, stream.average_rate]
    for rate in stated if live else stated[1:]:
        if rate is not None and 0 < rate < 1000:
            return float(rate)
    return None

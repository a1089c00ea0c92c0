"""Watches a source in the process that `examine` starts: the arrival of its packets, and the cost of decoding."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monitor.domain.address import SourceAddress, SourceKind
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.domain.ports import Source
from monitor.probe.delivery import Arrival, ProbePlan, StreamFacts, delivery_of, link_of
from monitor.sources.connecting import Connection, open_recording, open_stream
from monitor.sources.container import is_cut_off
from monitor.sources.diagnosis import NO_PICTURE
from monitor.sources.recording import USUAL_FPS
from monitor.sources.timeline import Repairs, repaired
from monitor.sources.tracks import choose_track, video_tracks
from monitor.sources.video import PictureConverter, VideoDecoder, rotation_deg

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

#: CPU seconds of decoding after which frames are only counted, so that the measurement ends in time.
DECODE_BUDGET_S = 20.0

#: Encoded frames of a live stream are kept in memory until the end, so that decoding does not delay arrivals.
_KEPT_BYTES = 256 * 2**20

Pictures = Callable[[float, Image], None]


def watch_address(
    address: SourceAddress, plan: ProbePlan, on_picture: Pictures, on_open: Callable[[], None]
) -> StreamFacts:
    """Watch a stream or recording through PyAV; raises `SourceError`."""
    started = time.monotonic()
    if address.kind is SourceKind.STREAM:
        connection = open_stream(address, plan.capture, plan.poll_fps)
    else:
        connection = open_recording(Path(address.value))
    try:
        stream = choose_track(connection.container, address, plan.capture.stream)
        on_open()
        return _watch(connection, stream, address, plan, started, on_picture)
    finally:
        connection.close()


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

    decoder: VideoDecoder
    converter: PictureConverter
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
    _next_picture_s: float = field(default=-np.inf)

    def feed(self, packet: "Packet[VideoStream] | None", at_s: float) -> None:
        """Decode a packet, or with None the frames left in the decoder."""
        from av import error

        if self.spent_s > DECODE_BUDGET_S:
            return
        self.fed_s = at_s
        before_s = time.thread_time()
        try:
            frames = self.decoder.decode(packet)
        except (error.FFmpegError, OSError):
            frames = []
            self.corrupt += 1
        self.spent_s += time.thread_time() - before_s
        for decoded in frames:
            self.frames += 1
            self.corrupt += decoded.corrupt
            if self.first_at is None:
                self.first_at = time.monotonic()
            if at_s >= self._next_picture_s:
                self._next_picture_s = (
                    max(self._next_picture_s, at_s - 0.5 / self.inference_fps) + 1 / self.inference_fps
                )
                before_s = time.thread_time()
                image = self.converter.convert(decoded.frame)
                self.converting_s += time.thread_time() - before_s
                self.converted += 1
                self.rotation_deg = rotation_deg(decoded.frame)
                self.size = (image.shape[1], image.shape[0])
                self.on_picture(at_s, image)


def _watch(
    connection: Connection,
    stream: "VideoStream",
    address: SourceAddress,
    plan: ProbePlan,
    started: float,
    on_picture: Pictures,
) -> StreamFacts:
    opened = time.monotonic()
    container = connection.container
    live = address.kind is SourceKind.STREAM
    tracks = video_tracks(container)
    nominal_fps = _nominal_fps(stream, live) if connection.has_clock else None
    decoder = _Decoder(VideoDecoder(stream), PictureConverter(address), plan.inference_fps, on_picture)
    repairs = Repairs()
    arrivals, kept, broke_off = _read(connection, stream, decoder, plan, opened, live=live, repairs=repairs)
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
        container=connection.how,
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
        interlaced=decoder.decoder.interlaced,
        audio=audio[0].codec_context.name if audio else None,
        length_s=container.duration / 1e6 if not live and container.duration else None,
        broke_off=broke_off,
        cut_off=not live and is_cut_off(Path(address.value)),
        repairs=repairs.describe(nominal_fps or USUAL_FPS),
        tracks=tuple((track.width, track.height) for track in tracks),
        track=tracks.index(stream),
    )


def _no_frame(address: SourceAddress, broke_off: str | None) -> SourceError:
    if broke_off is not None and address.kind is SourceKind.STREAM:
        return SourceError(f"{address}: opens, but {broke_off}", Cause.TIMED_OUT)
    return SourceError(f"{address}: {NO_PICTURE}", Cause.UNDECODABLE)


def _read(
    connection: Connection,
    stream: "VideoStream",
    decoder: _Decoder,
    plan: ProbePlan,
    opened: float,
    *,
    live: bool,
    repairs: Repairs,
) -> tuple[list[Arrival], "list[tuple[Packet[VideoStream], float]]", str | None]:
    """Read and record every packet; decode those of a recording at once, those of a stream up to the first picture."""
    from av import error

    watch = _Watch(opened, plan)
    arrivals: list[Arrival] = []
    kept: list[tuple[Packet[VideoStream], float]] = []
    kept_bytes, first_s, seen_key, broke_off, last = 0, None, False, None, opened
    try:
        for packet, order_s in _timed(connection, stream, repairs, live=live):
            now = last = time.monotonic()
            if packet.size == 0:  # the end
                if live:
                    broke_off = f"the stream ended after {now - opened:.1f} s"
                break
            media_s = _shown_s(packet, order_s)
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
    except SourceError:  # of an HTTP camera
        if not arrivals:
            raise
        broke_off = _why_it_broke(last, opened, plan)
    # Frames before the first keyframe cannot be decoded, unless there is none: some cameras refresh line by line.
    return arrivals, kept if decoder.first_at is not None or not seen_key else [], broke_off


def _why_it_broke(last: float, opened: float, plan: ProbePlan) -> str:
    """Return why a stream ended: no frames, or a lost connection; FFmpeg's errors do not distinguish them."""
    now = time.monotonic()
    if now - last > 0.9 * plan.capture.read_timeout_s:
        return f"no frame arrived for {plan.capture.read_timeout_s:g} s"
    return f"the connection broke off after {now - opened:.1f} s"


def _timed(
    connection: Connection, stream: "VideoStream", repairs: Repairs, *, live: bool
) -> "Iterator[tuple[Packet[VideoStream], float | None]]":
    """Return the packets with their decoding time in seconds by the source's clock, replaced where it cannot be true.

    A live source's times are returned as they are, None without a clock.
    """
    packets = ((packet, _order_s(packet)) for packet in connection.container.demux(stream))
    if live:
        return ((packet, order_s if connection.has_clock else None) for packet, order_s in packets)
    ending: list[Packet[VideoStream]] = []

    def until_the_end() -> "Iterator[tuple[Packet[VideoStream], float | None]]":
        for packet, order_s in packets:
            if packet.size == 0:
                ending.append(packet)
                return
            yield packet, order_s

    def all_packets() -> "Iterator[tuple[Packet[VideoStream], float | None]]":
        period_s = 1 / (_nominal_fps(stream, live) or USUAL_FPS)
        yield from repaired(until_the_end(), period_s, repairs)
        yield from ((packet, None) for packet in ending)

    return all_packets()


def _order_s(packet: "Packet[VideoStream]") -> float | None:
    ticks = packet.pts if packet.dts is None else packet.dts
    return None if ticks is None else float(ticks * packet.time_base)


def _shown_s(packet: "Packet[VideoStream]", order_s: float | None) -> float | None:
    if order_s is None or packet.pts is None or packet.dts is None:
        return order_s
    return order_s + (packet.pts - packet.dts) * float(packet.time_base)


def _nominal_fps(stream: "VideoStream", live: bool) -> float | None:
    """Return the rate that the source itself states: in the stream where live, in the container where recorded."""
    stated = [stream.codec_context.framerate, stream.guessed_rate, stream.average_rate]
    for rate in stated if live else stated[1:]:
        if rate is not None and 0 < rate < 1000:
            return float(rate)
    return None

"""Chooses the video track of a source that is decoded: one camera is one track."""

from typing import TYPE_CHECKING

from monitor.domain.address import SourceAddress, SourceKind
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

#: The largest pictures of a stream that are decoded; cameras have up to 12 million pixels.
MAX_STREAM_PIXELS = 16_000_000

#: Of several tracks, the largest of at most this many pixels is decoded: more are scaled down for the detector anyway.
ENOUGH_PIXELS = 1920 * 1080

NO_VIDEO = "not a readable video: contains no video track"


def video_tracks(container: "InputContainer") -> "list[VideoStream]":
    """Return the video tracks of a container, without cover pictures."""
    from av.stream import Disposition

    return [
        stream for stream in container.streams.video if not Disposition(stream.disposition) & Disposition.attached_pic
    ]


def choose_track(container: "InputContainer", address: SourceAddress, number: int | None = None) -> "VideoStream":
    """Return the video track with this number, from 0, or the best one; all others are no longer read.

    The best one is the largest of at most `ENOUGH_PIXELS`, otherwise the smallest. Raises `SourceError` if there is
    none.
    """
    from av.stream import Discard

    tracks = video_tracks(container)
    if not tracks:
        raise SourceError(f"{address}: {_why_none(container, address)}", Cause.UNDECODABLE)
    if number is not None and number >= len(tracks):
        listed = ", ".join(f"{index}: {track.width} x {track.height}" for index, track in enumerate(tracks))
        raise SourceError(f"{address}: has no video track {number} (capture.stream); it has {listed}", Cause.NOT_FOUND)
    chosen = tracks[number] if number is not None else best_track(tracks)
    for stream in container.streams.video:
        if stream is not chosen:
            stream.discard = Discard.all
    return chosen


def best_track(tracks: "list[VideoStream]") -> "VideoStream":
    """Return the largest track of at most `ENOUGH_PIXELS`, otherwise the smallest; the first of equal ones."""
    known = [track for track in tracks if track.width * track.height > 0]
    fitting = [track for track in known if track.width * track.height <= ENOUGH_PIXELS]
    if fitting:
        return max(fitting, key=lambda track: track.width * track.height)
    return min(known or tracks, key=lambda track: track.width * track.height)


def refuse_large(address: SourceAddress, width_px: int, height_px: int) -> None:
    """Raise `SourceError` if a stream's pictures have more than `MAX_STREAM_PIXELS`."""
    if width_px * height_px > MAX_STREAM_PIXELS:
        words = (
            f"its pictures are {width_px} x {height_px}, more than {MAX_STREAM_PIXELS // 1_000_000} million pixels; "
            "use the camera's smaller stream, or lower its resolution"
        )
        raise SourceError(f"{address}: {words}", Cause.UNDECODABLE)


def _why_none(container: "InputContainer", address: SourceAddress) -> str:
    if not container.streams.audio:
        return NO_VIDEO
    sound = f"contains sound ({container.streams.audio[0].codec_context.name}) but no video"
    return f"not a readable video: {sound}" if address.kind is SourceKind.FILE else sound

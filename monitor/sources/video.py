"""Decodes video packets, and makes BGR pictures of the frames."""

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image

if TYPE_CHECKING:
    from av.filter import Graph
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

#: The largest picture of a recording that is decoded, in pixels; a header may state any size, and memory for it is
#: reserved at once. Panoramas of 12,000 x 6,000 have 72 million.
MAX_PIXELS = 80_000_000

#: One frame for each frame, its missing lines from the frames around it; progressive frames pass unchanged.
_DEINTERLACER = ("bwdif", "mode=send_frame:deint=interlaced")

_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded frame, its time in seconds by the source's own clock if it has one, and whether parts are missing."""

    frame: "VideoFrame"
    media_s: float | None
    corrupt: bool


class VideoDecoder:
    """Decodes one video track, in the order in which frames are shown.

    A frame that says that it is interlaced is deinterlaced, which delays frames by one. `threads` is FFmpeg's own
    thread count and changes no pixel. Larger pictures than `max_pixels` are errors.
    """

    def __init__(self, stream: "VideoStream", threads: int = 1, max_pixels: int = MAX_PIXELS) -> None:
        self._stream = stream
        context = stream.codec_context
        context.thread_type = "FRAME" if threads > 1 else "NONE"
        context.thread_count = threads
        if not context.is_open:
            context.options = {**context.options, "max_pixels": str(max_pixels)}
        # AVI stores no presentation times, and FFmpeg's guesses are wrong with B-frames; frames come in order.
        self._in_order = stream.container.format.name == "avi"
        self._last = 0
        self.interlaced = False
        self._graph: Graph | None = None
        self._shape: tuple[object, ...] = ()
        self._inside: deque[Decoded] = deque()

    def decode(self, packet: "Packet[Any] | None") -> list[Decoded]:
        """Return the frames that a packet completes; None or an empty one ends the track. Raises PyAV's errors."""
        frames: list[Decoded] = []
        for frame in self._stream.decode(packet):
            decoded = Decoded(frame, self._media_s(frame), frame.is_corrupt)
            if frame.interlaced_frame or self._graph is not None:
                frames += self._deinterlace(decoded)
            else:
                frames.append(decoded)
        if packet is None or packet.size == 0:
            frames += self._rest()
        return frames

    def _media_s(self, frame: "VideoFrame") -> float | None:
        ticks = frame.pts
        if self._in_order:
            # The last frames come without a packet, and so without a time.
            ticks = frame.dts if frame.dts is not None else self._last + (frame.duration or 1)
            self._last = ticks
        return None if ticks is None or frame.time_base is None else float(ticks * frame.time_base)

    def _deinterlace(self, decoded: Decoded) -> list[Decoded]:
        frame = decoded.frame
        frames: list[Decoded] = []
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            frames += self._rest()
            self._graph, self._shape = _deinterlacer(frame), shape
        self.interlaced = True
        self._inside.append(decoded)
        assert self._graph is not None
        self._graph.vpush(frame)
        return frames + self._pulled(self._graph)

    def _rest(self) -> list[Decoded]:
        """Return the frames that are still in the deinterlacer, and end it."""
        if self._graph is None:
            return []
        graph, self._graph, self._shape = self._graph, None, ()
        graph.vpush(None)
        return self._pulled(graph)

    def _pulled(self, graph: "Graph") -> list[Decoded]:
        from av.error import BlockingIOError, EOFError

        frames = []
        try:
            while self._inside:
                frame = graph.vpull()
                before = self._inside.popleft()
                frames.append(Decoded(frame, before.media_s, before.corrupt))
        except (BlockingIOError, EOFError):
            pass  # it waits for the next frame, or is at its end
        return frames


class PictureConverter:
    """Makes upright BGR pictures of decoded frames; one for each source, since it keeps the conversion's tables.

    Pictures of more than `most_pixels` are scaled down to as many.
    """

    def __init__(self, address: SourceAddress, most_pixels: int | None = None) -> None:
        self._address = address
        self._most_pixels = most_pixels
        self._reformatter: VideoReformatter | None = None

    def convert(self, frame: "VideoFrame") -> Image:
        """Return the frame as H x W x 3 uint8 BGR, read-only, turned by its rotation if that is a quarter turn.

        Raises `SourceError` if FFmpeg cannot convert it, and `MemoryError` if there is no memory for it.
        """
        from av.error import FFmpegError
        from av.video.reformatter import VideoReformatter

        self._reformatter = self._reformatter or VideoReformatter()
        size = fitted(frame.width, frame.height, self._most_pixels)
        how = None if size == (frame.width, frame.height) else "AREA"
        try:
            picture = self._reformatter.reformat(frame, *size, "bgr24", interpolation=how, threads=1)
            image = cast(Image, picture.to_ndarray())
        except MemoryError:
            raise
        except (FFmpegError, ValueError) as error:
            words = f"pictures of format {frame.format.name} cannot be converted"
            raise SourceError(f"{self._address}: {words}", Cause.UNDECODABLE) from error
        turn = _TURNS.get(rotation_deg(frame))
        if turn is not None:
            image = cast(Image, cv2.rotate(image, turn))
        image.setflags(write=False)
        return image


def fitted(width_px: int, height_px: int, most_pixels: int | None) -> tuple[int, int]:
    """Return the width and height of a picture scaled down to at most so many pixels, with its proportions."""
    if most_pixels is None or width_px * height_px <= most_pixels:
        return width_px, height_px
    scale = math.sqrt(most_pixels / (width_px * height_px))
    width = max(1, min(math.floor(width_px * scale), most_pixels))
    return width, max(1, min(math.floor(height_px * scale), most_pixels // width))


def rotation_deg(frame: "VideoFrame") -> int:
    """Return by how many degrees, 0 to 359, the frame is to be turned counter-clockwise to be upright."""
    return round(frame.rotation) % 360


def _deinterlacer(frame: "VideoFrame") -> "Graph":
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    entrance = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base, name=None
    )
    graph.link_nodes(entrance, graph.add(*_DEINTERLACER), graph.add("buffersink")).configure()
    return graph

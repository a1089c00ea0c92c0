"""Reads cameras in processes of their own: the body of the processes that `monitor.sources.camera_processes` starts.

What a camera sends can demand any amount of memory, and crash a decoder. One process loads FFmpeg and is forked for
each connection, so that a further one costs little: it shares the libraries' memory.
"""

import gc
import json
import mmap
import os
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress, redact
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.sources.libraries import limit_ffmpeg, prepare_opencv
from monitor.sources.packet_channel import PacketSender
from monitor.sources.stream import StreamSource
from monitor.sources.tracks import ENOUGH_PIXELS

#: The bytes of a message; addresses and settings fit.
MESSAGE_BYTES = 65_536
#: The bytes of the memory that is shared with the monitor, for one picture: pictures are scaled down to it.
PICTURE_BYTES = 3 * ENOUGH_PIXELS

#: The memory in bytes for one camera, beyond that of the libraries: six pictures of 4K in YUV 4:2:0 with 8 bits, and
#: what demuxers collect.
MEMORY_BYTES = 104 * 2**20
#: The kernel ends these processes before the monitor when memory runs out (-1000 to 1000).
_OOM_SCORE = "800"
#: Decoding gives way to the monitor itself.
_NICE = 5
#: Seconds for a connection to be closed, as a camera that allows few of them wants.
CLOSE_S = 1


def serve(descriptor: int) -> None:
    """Fork a reader for each message until this socket is closed: the body of the first process.

    A message carries the descriptors of the reader's own sockets, for messages and for packets, and of the memory for
    its pictures.
    """
    _load()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # it ends with the monitor, not before
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    os.nice(_NICE)
    limit_processes()
    with socket.socket(fileno=descriptor) as monitor:
        monitor.send(b"\0")  # ready
        while True:
            _, descriptors, _, _ = socket.recv_fds(monitor, 1, 3)
            if len(descriptors) < 3:
                return
            if os.fork() == 0:
                monitor.close()
                _read_camera(*descriptors)
            for each in descriptors:
                os.close(each)


def limit_processes() -> None:
    """Let the kernel end this process first, and write no dump of pictures and passwords."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, "ascii")
    except OSError:  # a sandbox may have no such file
        return


def _load() -> None:
    """Load all libraries that a reader needs, so that all readers share them."""
    import av
    import av.filter
    import av.video.reformatter

    av.logging.set_level(None)
    limit_ffmpeg()
    prepare_opencv()
    gc.freeze()  # a reader that collects garbage would get its own copy of all that is shared


def _read_camera(descriptor: int, sending: int, memory: int) -> None:
    """Read one camera until the monitor closes the socket; ends the process."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _limit_memory()
        with (
            socket.socket(fileno=descriptor) as channel,
            socket.socket(fileno=sending) as packets,
            mmap.mmap(memory, PICTURE_BYTES) as pixels,
        ):
            os.close(memory)
            _Answers(channel, packets, pixels).run()
        code = 0
    except (MemoryError, OSError):
        code = 2
    finally:
        os._exit(code)


def _limit_memory() -> None:
    own = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = own + PICTURE_BYTES + MEMORY_BYTES
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class _Answers:
    """Answers the monitor's requests, one at a time."""

    def __init__(self, channel: socket.socket, packets: socket.socket, pixels: mmap.mmap) -> None:
        self._channel = channel
        self._packets = packets
        self._sender: PacketSender | None = None
        self._pixels = np.frombuffer(pixels, np.uint8)
        self._source: StreamSource | None = None

    def run(self) -> None:
        while request := self._receive():
            signal.alarm(request["seconds"])  # the kernel ends a process that hangs
            try:
                answer = self._answer(request)
            except SourceError as error:
                answer = {"fault": str(error), "cause": error.cause}
            except MemoryError:
                answer = {"memory": True}
            except Exception:  # noqa: BLE001 - the monitor logs it
                answer = {"unexpected": redact("".join(traceback.format_exc(limit=-4)))[-4096:]}
            signal.alarm(0)
            packets = self._sender.take() if self._sender is not None else b""
            self._send(answer | self._counts() | {"packets": len(packets)})
            self._packets.sendall(packets)
        signal.alarm(CLOSE_S)
        if self._source is not None:
            self._source.close()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "open":
            return self._open(request)
        if self._source is None:
            raise SourceError("is not open", Cause.UNEXPECTED)
        if request["do"] == "grab":
            self._source.grab()
            return {"media_s": self._source.media_s}
        image = self._source.retrieve().image
        self._pixels[: image.size].reshape(image.shape)[:] = image
        return {"width": image.shape[1], "height": image.shape[0]}

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        settings = CaptureSettings.model_validate(request["settings"])
        address = SourceAddress(request["address"])
        self._sender = PacketSender() if request["packets"] else None
        self._source = StreamSource(
            request["name"],
            address,
            SystemClock(),
            settings,
            request["poll_fps"],
            self._pause,
            ENOUGH_PIXELS,
            self._sender,
        )
        info = self._source.open()
        return {"width": info.width_px, "height": info.height_px, "fps": info.fps, "codec": info.codec}

    def _counts(self) -> dict[str, int]:
        source = self._source
        return {} if source is None else {"lost": source.lost_frames, "late": source.late_frames}

    def _pause(self, seconds: float) -> None:
        """Let the monitor wait, which may be stopped meanwhile."""
        left = signal.alarm(0)
        self._send({"pause_s": seconds})
        if self._receive() is None:
            sys.exit()
        signal.alarm(left)

    def _receive(self) -> dict[str, Any] | None:
        message = self._channel.recv(MESSAGE_BYTES)
        return json.loads(message) if message else None

    def _send(self, answer: dict[str, Any]) -> None:
        self._channel.send(json.dumps(answer).encode())

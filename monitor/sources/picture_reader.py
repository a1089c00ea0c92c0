"""Reads photographs in a separate process, which a crafted file may exhaust or crash."""

import fcntl
import json
import math
import mmap
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from monitor.domain.address import printable
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.sources.picture_decoding import NO_MEMORY, UnreadableError

#: Seconds of CPU time for one picture. 80 megapixels take about 3 on an ordinary machine.
_CPU_S = 10
#: Seconds for one picture, also on a machine so busy that the limit of CPU time is not reached.
_DEADLINE_S = 40.0
_ANSWER_BYTES = 4096

_TOO_LONG = "the picture takes too long to decode"
_TOO_MUCH = "the picture needs too much memory to decode"
_CRASH = "the picture crashes its decoder"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as H x W x 3, uint8, BGR, and a note if its file has more than was read."""

    image: Image
    note: str | None


class PictureReader:
    """Decodes pictures of at most `max_pixels` in a process that is started by the first and kept for the next.

    The process is limited in memory and time, and ended by a picture that exceeds them. With `give_way` it has a lower
    priority than the cameras. For one thread at a time; `close` ends the process.
    """

    def __init__(self, max_pixels: int, *, give_way: bool = False) -> None:
        self.max_pixels = max_pixels
        self._give_way = give_way
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._aborted = False

    def __enter__(self) -> "PictureReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, file: BinaryIO) -> Picture:
        """Decode an open file, upright by its EXIF orientation.

        Raises `UnreadableError` for the file, and `SourceError` if no process can be started.
        """
        process, channel = self._started()
        try:
            socket.send_fds(channel, [b"\0"], [file.fileno()])
            answer, descriptors, _, _ = socket.recv_fds(channel, _ANSWER_BYTES, 1)
        except TimeoutError as error:
            self.close()
            raise UnreadableError(_TOO_LONG) from error
        except OSError:  # the process has ended
            answer, descriptors = b"", []
        except BaseException:
            self.close()
            raise
        if not answer:
            code = process.wait()
            self.close()
            raise UnreadableError({-signal.SIGXCPU: _TOO_LONG, NO_MEMORY: _TOO_MUCH}.get(code, _CRASH))
        return self._picture(json.loads(answer), descriptors)

    def read_bytes(self, data: bytes) -> Picture:
        """Decode the bytes of a file; see `read`."""
        with os.fdopen(os.memfd_create("picture"), "w+b") as file:
            file.write(data)
            file.flush()
            return self.read(file)

    def abort(self) -> None:
        """End the process from any thread: a `read` that waits for it fails at once, and so does every later one."""
        self._aborted = True
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> tuple["subprocess.Popen[bytes]", socket.socket]:
        if self._aborted:
            raise UnreadableError("the decoder of pictures has been stopped")
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None or self._channel is None:
            channel, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            channel.settimeout(_DEADLINE_S)
            self._channel = channel
            with child:
                try:
                    self._process = _start(child, self.max_pixels, give_way=self._give_way)
                except OSError as error:
                    self.close()
                    raise SourceError(f"the decoder of pictures cannot be started: {error.strerror}") from error
        return self._process, self._channel

    def _picture(self, answer: dict[str, object], descriptors: list[int]) -> Picture:
        if not descriptors:
            raise UnreadableError(printable(str(answer.get("fault"))))
        with os.fdopen(descriptors[0], "rb") as pixels:
            shape = (int(str(answer["height"])), int(str(answer["width"])), 3)
            # Reading pixels that the process has cut off would end the monitor.
            fcntl.fcntl(pixels, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            if os.fstat(pixels.fileno()).st_size != math.prod(shape):
                raise UnreadableError(_CRASH)
            note = answer["note"]
            mapped = mmap.mmap(pixels.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
            return Picture(np.frombuffer(mapped, np.uint8).reshape(shape), None if note is None else str(note))


def _start(channel: socket.socket, max_pixels: int, *, give_way: bool) -> "subprocess.Popen[bytes]":
    """Start the process without output, and in its own session: Ctrl-C does not reach it."""
    serve = f"serve({channel.fileno()}, {max_pixels}, {_CPU_S}, give_way={give_way})"
    return subprocess.Popen(
        [sys.executable, "-c", f"from monitor.sources.picture_decoding import serve; {serve}"],
        pass_fds=[channel.fileno()],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

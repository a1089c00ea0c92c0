"""Starts the processes that read cameras."""

import atexit
import errno
import mmap
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

from monitor.sources.camera_reading import CLOSE_S, MESSAGE_BYTES, PICTURE_BYTES

#: What OpenSSL reads the system's certificates by; nothing else of the environment reaches these processes.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

#: Seconds for the first process to load its libraries, on a busy machine.
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Reader:
    """The sockets of a process that reads one camera, for messages and for packets, and the memory for its pictures."""

    channel: socket.socket
    packets: socket.socket
    pixels: mmap.mmap

    def close(self) -> None:
        """Let the process close its connection, and wait until its memory is free; the kernel ends one that hangs."""
        with self.channel, self.packets, self.pixels, suppress(OSError):
            self.packets.close()  # a reader that waits for its packets to be taken ends
            self.channel.shutdown(socket.SHUT_WR)
            self.channel.settimeout(2 * CLOSE_S)
            while self.channel.recv(MESSAGE_BYTES):
                pass


class _Readers:
    """The process that is forked for each camera; it ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def start(self) -> Reader:
        """Return a new process; raises `OSError` if none can be started."""
        channel, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        packets, sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        memory = os.memfd_create("camera", os.MFD_CLOEXEC)
        try:
            os.ftruncate(memory, PICTURE_BYTES)
            with self._lock:
                try:
                    self._fork(child, sending, memory)
                except OSError:  # it has ended
                    self.close()
                    self._fork(child, sending, memory)
            return Reader(channel, packets, mmap.mmap(memory, PICTURE_BYTES, prot=mmap.PROT_READ))
        except BaseException:
            channel.close()
            packets.close()
            raise
        finally:
            child.close()
            sending.close()
            os.close(memory)

    def close(self) -> None:
        """End the process from which others are forked, which lets go of those."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.wait()
        self._channel = self._process = None

    def _fork(self, child: socket.socket, sending: socket.socket, memory: int) -> None:
        if self._channel is None:
            self._channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with other:
                self._process = _start(other)
            self._channel.settimeout(_START_S)
            if not self._channel.recv(1):
                self.close()
                raise ChildProcessError(errno.ECHILD, "it ended at once")
        socket.send_fds(self._channel, [b"\0"], [child.fileno(), sending.fileno(), memory])


def _start(channel: socket.socket) -> "subprocess.Popen[bytes]":
    passed = {name: os.environ[name] for name in _CERTIFICATES if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-c", f"from monitor.sources.camera_reading import serve; serve({channel.fileno()})"],
        pass_fds=[channel.fileno()],
        env=passed | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


_readers = _Readers()
atexit.register(_readers.close)


def start_reader() -> Reader:
    """Return a new process that reads a camera, limited in memory; raises `OSError` if none can be started.

    The first call starts the process from which all are forked, which takes about a second.
    """
    return _readers.start()

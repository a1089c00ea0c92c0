"""What a camera, stream or recording really delivers, found out in a process of its own.

The process keeps arrival times clear of what the caller does meanwhile, can be ended at once whatever the source or the
name server is doing, and takes a decoder that crashes with it. Addresses reach it through a pipe, never as arguments.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from monitor.domain.address import IMAGE_SUFFIXES, SourceAddress, SourceKind, redact
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.probe.delivery import ProbePlan, StreamFacts
from monitor.probe.watching import DECODE_BUDGET_S, Pictures, is_a_picture, watch_address, watch_source
from monitor.sources.opencv import check_file
from monitor.sources.opening import make_camera_source

#: Seconds for a process to start and load its libraries, and grace on top of every time-out that FFmpeg keeps itself.
_START_S, _GRACE_S = 20.0, 3.0

#: Decoding what was kept ends within its budget of CPU time; on a busy machine that takes longer.
_DECODING_S = 3 * DECODE_BUDGET_S

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _Opened:
    """Said by the process when the source is open."""


@dataclass(frozen=True, slots=True)
class _Picture:
    time_s: float
    image: Image


def examine(address: SourceAddress, plan: ProbePlan, on_picture: Pictures, on_progress: Progress) -> StreamFacts:
    """Watch a source and return what it does; raises `SourceError` where it cannot be opened or gives no picture.

    `on_picture` gets pictures with their times in seconds, `on_progress` the seconds watched so far. Whatever ends
    this, an exception of either or Ctrl-C too, ends the process.
    """
    if address.kind is SourceKind.FILE:
        _check_recording(Path(address.value))
    ours, theirs = Pipe()
    with ours:
        with theirs:
            process = _start(theirs)
        try:
            ours.send((address, plan))
            return _listen(ours, address, plan, on_picture, on_progress)
        finally:
            process.kill()
            process.wait()


def serve(descriptor: int) -> None:
    """Do what `examine` asks through the pipe with this file descriptor: the body of the process."""
    with Connection(descriptor) as connection:
        address, plan = connection.recv()
        try:
            connection.send(_probe(address, plan, connection.send))
        except SourceError as error:
            connection.send(error)
        except Exception as error:  # noqa: BLE001 - goes to the process that asked
            connection.send(RuntimeError(redact(f"while examining {address}: {error!r}")))


def _check_recording(path: Path) -> None:
    check_file(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise is_a_picture(SourceAddress(str(path)))


def _start(connection: Connection) -> "subprocess.Popen[bytes]":
    """Start the process: deaf to the terminal's Ctrl-C, which reaches `examine`, and with nothing to print to."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from monitor.probe.process import serve; serve({connection.fileno()})"],
        pass_fds=[connection.fileno()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _listen(
    connection: Connection, address: SourceAddress, plan: ProbePlan, on_picture: Pictures, on_progress: Progress
) -> StreamFacts:
    # Opening, and then asking why it failed.
    deadline = time.monotonic() + _START_S + 2 * plan.capture.open_timeout_s + _GRACE_S
    opened: float | None = None
    while True:
        while not connection.poll(0.2):
            if opened is not None and address.kind is not SourceKind.FILE:
                on_progress(min(time.monotonic() - opened, plan.seconds))
            if time.monotonic() > deadline:
                raise SourceError(f"{address}: hangs, and keeps no time-out", Cause.TIMED_OUT)
        try:
            message: Any = connection.recv()
        except (EOFError, ConnectionError) as error:
            raise SourceError(f"{address}: what it sends makes the decoder crash", Cause.UNDECODABLE) from error
        match message:
            case StreamFacts():
                return message
            case _Opened():
                opened = time.monotonic()
                deadline = opened + plan.seconds + plan.capture.read_timeout_s + _DECODING_S
            case _Picture(time_s, image):
                on_picture(time_s, image)
                deadline = max(deadline, time.monotonic() + _DECODING_S)
                if address.kind is SourceKind.FILE:
                    on_progress(time_s)
            case BaseException():
                raise message


def _probe(address: SourceAddress, plan: ProbePlan, send: Callable[[object], None]) -> StreamFacts:
    def on_picture(time_s: float, image: Image) -> None:
        send(_Picture(time_s, image))

    if address.kind is SourceKind.WEBCAM:
        webcam = make_camera_source(str(address), address, plan.capture, SystemClock(), time.sleep)
        send(_Opened())
        return watch_source(webcam, address, plan, on_picture)
    return watch_address(address, plan, on_picture, lambda: send(_Opened()))

"""Examines a camera, stream or recording in a separate process.

In a separate process, arrival times do not depend on the caller's load, a source or name server that hangs can be ended
at once, and a decoder that crashes does not end the caller. Addresses are passed through a pipe, never as arguments.
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

from monitor.config.camera import CameraSettings
from monitor.domain.address import IMAGE_SUFFIXES, SourceAddress, SourceKind, redact
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.probe.delivery import ProbePlan, StreamFacts
from monitor.probe.watching import DECODE_BUDGET_S, Pictures, watch_address, watch_source
from monitor.sources.connecting import A_PICTURE
from monitor.sources.files import check_file
from monitor.sources.opening import make_camera_source

#: Seconds for a process to start and load its libraries, and a margin on top of every time-out of FFmpeg.
_START_S, _GRACE_S = 20.0, 3.0

#: Seconds that decoding takes at most: its budget of CPU time takes longer on a busy machine.
_DECODING_S = 3 * DECODE_BUDGET_S

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _Opened:
    """Message of the process: the source is open."""


@dataclass(frozen=True, slots=True)
class _Picture:
    time_s: float
    image: Image


def examine(address: SourceAddress, plan: ProbePlan, on_picture: Pictures, on_progress: Progress) -> StreamFacts:
    """Watch a source and return the facts about it; raises `SourceError` if it cannot be opened or gives no picture.

    `on_picture` gets times in seconds and pictures (BGR), `on_progress` the seconds watched so far. Any exception, also
    of these functions and Ctrl-C, ends the process.
    """
    if address.kind is SourceKind.FILE:
        _check_recording(Path(address.value))
    parent, child = Pipe()
    with parent:
        with child:
            process = _start(child)
        try:
            parent.send((address, plan))
            return _listen(parent, address, plan, on_picture, on_progress)
        finally:
            process.kill()
            process.wait()


def serve(descriptor: int) -> None:
    """Examine the source received through the pipe with this file descriptor: the body of the process."""
    with Connection(descriptor) as connection:
        address, plan = connection.recv()
        try:
            connection.send(_probe(address, plan, connection.send))
        except SourceError as error:
            connection.send(error)
        except Exception as error:  # noqa: BLE001 - sent to the parent process
            connection.send(RuntimeError(redact(f"while examining {address}: {error!r}")))


def _check_recording(path: Path) -> None:
    check_file(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SourceError(f"{path}: {A_PICTURE}", Cause.UNDECODABLE)


def _start(connection: Connection) -> "subprocess.Popen[bytes]":
    """Start the process without output, and in its own session: Ctrl-C reaches only `examine`."""
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
    # The time to open the source, and to find the cause of a failure.
    deadline = time.monotonic() + _START_S + 2 * plan.capture.open_timeout_s + _GRACE_S
    opened: float | None = None
    while True:
        while not connection.poll(0.2):
            if opened is not None and address.kind is not SourceKind.FILE:
                on_progress(min(time.monotonic() - opened, plan.seconds))
            if time.monotonic() > deadline:
                raise SourceError(f"{address}: does not respond, and exceeds all time-outs", Cause.TIMED_OUT)
        try:
            message: Any = connection.recv()
        except (EOFError, ConnectionError) as error:
            raise SourceError(f"{address}: its data crashes the decoder", Cause.UNDECODABLE) from error
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
        camera = CameraSettings(source=address, capture=plan.capture)
        webcam = make_camera_source(str(address), camera, SystemClock(), time.sleep)
        send(_Opened())
        return watch_source(webcam, address, plan, on_picture)
    return watch_address(address, plan, on_picture, lambda: send(_Opened()))

"""Cameras that attack the monitor, on loopback.

`python -m scripts.bench.hostile_cameras ATTACK` prints the camera's address, and serves it until its input ends.
"""

import io
import itertools
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

#: Nearly the most pixels that are accepted.
_LARGE = (4096, 3904)
_HTTP = b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n"
_CHUNK = 65_536

Send = Callable[[bytes], object]
Attack = Callable[[Send], None]


def _packets(codec: str, size: tuple[int, int], frames: int, pix_fmt: str, **options: str) -> list[bytes]:
    """Encode frames, of which each differs from the one before in a few rows."""
    target = av.CodecContext.create(codec, "w")
    target.width, target.height, target.pix_fmt = *size, pix_fmt  # type: ignore[attr-defined]
    target.time_base, target.options = Fraction(1, 30), {"preset": "ultrafast", **options}
    target.thread_count = 0
    encoded = []
    for number in range(frames):
        frame = VideoFrame(*size, pix_fmt)
        for plane in frame.planes:
            rows = np.full(plane.buffer_size, 128, np.uint8)
            rows[: 16 * plane.line_size] = 8 * number % 256
            plane.update(rows.tobytes())
        frame.pts, frame.time_base = number, target.time_base
        encoded += [bytes(packet) for packet in target.encode(frame)]  # type: ignore[attr-defined]
    return encoded + [bytes(packet) for packet in target.encode(None)]  # type: ignore[attr-defined]


def _live(codec: str, packets: list[bytes], fps: float, tracks: int = 1) -> Attack:
    """Return what sends packets for ever as a live MPEG transport stream of so many equal tracks."""
    return lambda send: _transport_stream(send, codec, packets, fps, tracks)


def _transport_stream(send: Send, codec: str, packets: list[bytes], fps: float, tracks: int) -> None:

    class Pipe(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            sent = bytes(data)  # type: ignore[call-overload]
            send(sent)
            return len(sent)

    send(_HTTP % b"video/mp2t")
    with av.open(Pipe(), "w", format="mpegts", options={"flush_packets": "1"}) as target:
        streams = [target.add_stream(codec, rate=30) for _ in range(tracks)]
        for stream in streams:
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = 64, 64
        started_s = time.monotonic()
        for number, data in enumerate(itertools.cycle(packets)):
            for stream in streams:
                packet = av.Packet(data)
                packet.stream = stream
                packet.time_base = Fraction(1, 90_000)
                packet.pts = packet.dts = round(90_000 * number / fps)
                target.mux(packet)
            time.sleep(max(0.0, started_s + number / fps - time.monotonic()))


def _x264(size: tuple[int, int], frames: int, pix_fmt: str = "yuv420p", references: int = 16) -> list[bytes]:
    parameters = (
        f"ref={references}:bframes=0:keyint={frames}:scenecut=0:level=62:me=dia:subme=0:annexb=1:repeat-headers=1"
    )
    return _packets("libx264", size, frames, pix_fmt, **{"x264-params": parameters})


def _clip(suffix: str) -> bytes:
    """Return a second of small pictures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{suffix}"
        with av.open(str(path), "w") as target:
            stream = target.add_stream("libx264", rate=30)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            for _ in range(30):
                target.mux(stream.encode(VideoFrame(320, 240, "yuv420p")))
            target.mux(stream.encode(None))
        return path.read_bytes()


def references() -> Attack:
    """H.264 of 16 megapixels that keeps 16 pictures."""
    return _live("libx264", _x264(_LARGE, 10), 60)


def deep() -> Attack:
    """The same with 10 bits and 4:4:4, of which each picture takes four times the memory."""
    return _live("libx264", _x264(_LARGE, 8, "yuv444p10le"), 60)


def hevc() -> Attack:
    """H.265 of 16 megapixels that keeps 16 pictures."""
    parameters = "ref=16:bframes=0:keyint=12:scenecut=0:log-level=none:allow-non-conformance=1:repeat-headers=1"
    return _live("libx265", _packets("libx265", _LARGE, 12, "yuv420p", **{"x265-params": parameters}), 60)


def sizes() -> Attack:
    """H.264 that changes between 16 megapixels and very few, several times a second."""
    return _live("libx264", [*_x264(_LARGE, 3, references=1), *_x264((64, 64), 6, references=1)], 30)


def keyframes() -> Attack:
    """4K of keyframes alone, at the highest rate that is accepted."""
    return _live("libx264", _x264((3840, 2160), 4, references=1)[:1], 70)


def tracks() -> Attack:
    """A hundred tracks of 1080p, which FFmpeg examines all."""
    return _live("libx264", _x264((1920, 1080), 6), 30, tracks=100)


def jpegs() -> Attack:
    """JPEGs of 16 megapixels and best quality, as fast as they are read."""
    image = np.zeros((_LARGE[1], _LARGE[0], 3), np.uint8)
    image[:400] = np.random.default_rng(1).integers(0, 255, (400, _LARGE[0], 3), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    picture = cv2.imencode(".jpg", image, options)[1].tobytes()

    def attack(send: Send) -> None:
        send(_HTTP % b"multipart/x-mixed-replace; boundary=b")
        while True:
            send(b"--b\r\n\r\n")
            send(picture)

    return attack


def packet() -> Attack:
    """A transport stream with one packet that has no end."""
    begun = _clip("ts")
    rest = b"".join(b"\x47\x01\x00" + bytes([0x10 | count]) + b"U" * 184 for count in range(16))  # the picture's PID

    def attack(send: Send) -> None:
        send(_HTTP % b"video/mp2t" + begun)
        while True:
            send(20 * rest)

    return attack


def block() -> Attack:
    """Matroska with a block that states 1 GB."""
    begun = _clip("mkv")
    cluster = b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff\xe7\x81\x00"

    def attack(send: Send) -> None:
        send(_HTTP % b"video/x-matroska" + begun)
        send(cluster + b"\xa3" + (1 << 56 | 1 << 30).to_bytes(8, "big") + b"\x81\x00\x00\x80")
        while True:
            send(bytes(_CHUNK))

    return attack


# -- RTSP


_SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=c\r\nt=0 0\r\n"
_VIDEO = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:%d\r\n"


def _rtsp(connection: socket.socket, description: bytes) -> None:
    """Answer requests until the stream begins."""
    while request := connection.recv(_CHUNK):
        number = re.search(rb"CSeq: (\d+)", request)
        headers = [b"RTSP/1.0 200 OK", b"CSeq: " + (number[1] if number else b"1"), b"Session: 1"]
        body = b""
        if request.startswith(b"DESCRIBE"):
            body = description
            headers += [b"Content-Type: application/sdp", b"Content-Length: %d" % len(body)]
        if request.startswith(b"SETUP") and (channel := re.search(rb"interleaved=(\S+)", request)):
            headers.append(b"Transport: RTP/AVP/TCP;unicast;interleaved=" + channel[1])
        connection.sendall(b"\r\n".join([*headers, b"", body]))
        if request.startswith(b"PLAY"):
            return


def media(connection: socket.socket) -> None:
    """A description with 40 MB of media."""
    _rtsp(connection, _SDP + b"".join(_VIDEO % number for number in range(600_000)))


def attribute(connection: socket.socket) -> None:
    """A description with one line of 100 MB."""
    _rtsp(connection, _SDP + _VIDEO % 1 + b"a=fmtp:96 sprop-parameter-sets=" + b"Z" * 100_000_000 + b"\r\n")


def fragments(connection: socket.socket) -> None:
    """A picture in fragments (RFC 6184, 5.8) that has no end, as fast as it is read."""
    _rtsp(connection, _SDP + _VIDEO % 1)
    rest = bytes(_CHUNK - 100)
    for number in itertools.count():
        header = b"\x80\x60" + (number % 65_536).to_bytes(2, "big") + bytes(8)
        packet = header + (b"\x7c\x85" if number == 0 else b"\x7c\x05") + rest
        connection.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)


HTTP: dict[str, Callable[[], Attack]] = {
    each.__name__: each for each in (references, deep, hevc, sizes, keyframes, tracks, jpegs, packet, block)
}
RTSP = {each.__name__: each for each in (media, attribute, fragments)}


ATTACKS = (*HTTP, *RTSP)
#: What the command lines of attackers contain.
HOSTILE = b"scripts.bench.hostile_cameras"


@contextmanager
def attacker(name: str, *, nice: int = 0) -> Iterator[str]:
    """Run an attack in a process of its own, with this niceness; gives its address."""
    command = ["nice", "-n", str(nice), sys.executable, "-m", HOSTILE.decode(), name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def serve(name: str) -> None:
    """Print an address, and attack everybody who connects to it until the input ends."""
    attack = HTTP[name]() if name in HTTP else None

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError, FFmpegError):
            if attack is None:
                RTSP[name](connection)
            else:
                connection.recv(_CHUNK)
                attack(connection.sendall)

    def accept(server: socket.socket) -> None:
        while True:
            threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    sys.stdout.write(f"{'http' if attack else 'rtsp'}://127.0.0.1:{server.getsockname()[1]}/\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # whoever attacks is not waited for


if __name__ == "__main__":
    serve(sys.argv[1])

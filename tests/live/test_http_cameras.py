"""HTTP cameras that speak in dialect, ask for passwords, redirect, or are no cameras: real servers on loopback."""

import hashlib
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import parse_http_list, parse_keqv_list

import av
import cv2
import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.sources.camera_reader import CameraReader
from monitor.sources.opening import make_camera_source
from tests.integration.clips import number_of, numbered, write_clip

FPS = 25

#: How long a camera waits after its third picture.
PAUSE_S = 0.6
USER, PASSWORD = "ann", "p#s/s@w?rd%1:"

Form = Callable[[bytes], bytes]
Reply = Callable[[BaseHTTPRequestHandler], None]


def jpeg(number: int) -> bytes:
    return cv2.imencode(".jpg", numbered(number, 160, 120))[1].tobytes()


class Camera:
    """A server that answers each path with what it is given; it remembers the requests."""

    def __init__(self, replies: dict[str, Reply], context: ssl.SSLContext | None = None) -> None:
        camera = self
        self.requests: list[str] = []
        self.stopping = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Answer and hang up."""
                camera.requests.append(self.path)
                self.close_connection = True
                with suppress(OSError):
                    replies[self.path.split("?")[0]](self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http{'' if context is None else 's'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Camera":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def head(handler: BaseHTTPRequestHandler, kind: str | None, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    if kind is not None:
        handler.send_header("Content-Type", kind)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def pictures(
    handler: BaseHTTPRequestHandler, form: Callable[[bytes], bytes], first: bytes = b"", count: int = 60
) -> None:
    handler.wfile.write(first)
    for number in range(count):
        handler.wfile.write(form(jpeg(number)))
        handler.wfile.flush()
        time.sleep(PAUSE_S if number == 2 else 1 / FPS)


def part(
    kind: str | None, boundary: bytes = b"--b", eol: bytes = b"\r\n", *, length: bool = True
) -> Callable[[bytes], bytes]:
    def form(data: bytes) -> bytes:
        lines = [boundary]
        lines += [b"Content-Type: " + kind.encode()] if kind is not None else []
        lines += [b"Content-Length: %d" % len(data)] if length else []
        return eol.join([*lines, b"", data, b""])

    return form


def multipart(kind: str, form: Form, first: bytes = b"") -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        head(handler, kind)
        pictures(handler, form, first)

    return reply


MIXED = "multipart/x-mixed-replace; boundary=b"
DIALECTS: dict[str, Reply] = {
    "as in the book": multipart(MIXED, part("image/jpeg")),
    "image/jpg": multipart(MIXED, part("image/jpg")),
    "a parameter": multipart(MIXED, part("image/jpeg;size=12345")),
    "a semicolon": multipart(MIXED, part("image/jpeg;")),
    "another type": multipart(MIXED, part("application/octet-stream")),
    "no type": multipart(MIXED, part(None)),
    "no length": multipart(MIXED, part("image/jpeg", length=False)),
    "neither": multipart(MIXED, part(None, length=False)),
    "line feeds": multipart(MIXED, part("image/jpeg", eol=b"\n")),
    "no dashes": multipart(MIXED, part("image/jpeg", b"b")),
    "dashes in the header": multipart("multipart/x-mixed-replace;boundary=--b", part("image/jpeg", b"--b")),
    "quotes": multipart('multipart/x-mixed-replace; boundary="b"', part("image/jpeg")),
    "mixed": multipart("multipart/mixed; boundary=b", part("image/jpeg")),
    "no boundary stated": multipart("multipart/x-mixed-replace", part("image/jpeg")),
    "boundary after the picture": multipart(
        MIXED,
        lambda data: b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n--b\r\n",
    ),
    "an empty line first": multipart(MIXED, part("image/jpeg"), first=b"\r\n\r\n"),
    "pictures alone": multipart("image/jpeg", lambda data: data),
    "no header at all": multipart("application/octet-stream", part("image/jpeg")),
}


def source_of(url: str, **more: object) -> CameraReader:
    capture = {"open_timeout_s": 3, "read_timeout_s": 2} | more.pop("capture", {})  # type: ignore[operator]
    settings = CameraSettings.model_validate({"source": url, "capture": capture} | more)
    source = make_camera_source("door", settings, SystemClock(), time.sleep)
    assert isinstance(source, CameraReader)
    return source


@contextmanager
def opened(url: str, **more: object) -> Iterator[CameraReader]:
    source = source_of(url, **more)
    try:
        source.open()
        yield source
    finally:
        source.close()


def numbers(source: CameraReader, count: int) -> list[int]:
    found = []
    for _ in range(count):
        assert source.grab() is not None
        found.append(number_of(source.retrieve().image))
    return found


def failure(url: str, **more: object) -> SourceError:
    with pytest.raises(SourceError) as caught, opened(url, **more) as source:
        numbers(source, 100)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", DIALECTS)
def test_motion_jpeg_in_any_dialect_comes_whole_and_at_once(name: str) -> None:
    with Camera({"/": DIALECTS[name]}) as camera, opened(camera.url) as source:
        before = time.monotonic()
        assert numbers(source, 3) == [0, 1, 2]
        assert time.monotonic() - before < 0.8 * PAUSE_S, "no picture waits for the next one"
        assert numbers(source, 10) == list(range(3, 13))
        assert source.lost_frames == 0
        assert source.media_s is None, "Motion JPEG has no clock"
        assert len(camera.requests) == 1


def test_a_camera_with_single_pictures_is_polled_at_its_rate() -> None:
    def picture(handler: BaseHTTPRequestHandler) -> None:
        data = jpeg(len(camera.requests) - 1)
        head(handler, "image/jpeg", Content_Length=str(len(data)))
        handler.wfile.write(data)

    with Camera({"/snap.jpg": picture}) as camera, opened(f"{camera.url}/snap.jpg", detect_fps=10) as source:
        started = time.monotonic()
        assert numbers(source, 11) == list(range(11))
        assert 0.9 < time.monotonic() - started < 2.0
        assert len(camera.requests) == 11


def test_a_polled_camera_that_fails_says_so() -> None:
    def picture(handler: BaseHTTPRequestHandler) -> None:
        if len(camera.requests) > 3:
            head(handler, "text/plain", 503)
            return
        head(handler, "image/jpeg")
        handler.wfile.write(jpeg(1))

    with Camera({"/snap.jpg": picture}) as camera:
        error = failure(f"{camera.url}/snap.jpg", detect_fps=20)
    assert "error 503 (Service Unavailable)" in str(error)


def text(kind: str, content: bytes) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        head(handler, kind)
        handler.wfile.write(content)

    return reply


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("application/vnd.apple.mpegurl", b"#EXTM3U\n#EXTINF:4,\na.ts\n", "is a playlist (HLS or DASH)"),
        ("text/plain", b"\n#EXTM3U\nhttp://127.0.0.1:1/a.ts\n", "is a playlist (HLS or DASH)"),
        ("application/dash+xml", b"<?xml version='1.0'?><MPD></MPD>", "is a playlist (HLS or DASH)"),
        ("text/html", b"<html>log in</html>", "a web page"),
        ("text/plain", b"<!DOCTYPE HTML><title>log in</title>", "a web page"),
        ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(100), "only JPEG"),
        ("application/json", b'{"error": 1}' * 20, "not with a readable stream"),
        ("video/mp2t", b"", "sends nothing"),
        ("image/jpeg", b"\xff\xd8\xff" + bytes(100), "no complete JPEG"),
        (MIXED, b"--b\r\n" * 50, "no complete JPEG"),
    ],
)
def test_what_is_no_camera_is_refused_in_one_sentence(kind: str, content: bytes, words: str) -> None:
    with Camera({"/": text(kind, content)}) as camera:
        assert words in str(failure(camera.url))


def test_a_picture_without_an_end_fills_no_memory() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        head(handler, "image/jpeg")
        handler.wfile.write(jpeg(1)[:-2])
        while not camera.stopping.is_set():
            handler.wfile.write(bytes(1 << 20))

    with Camera({"/": endless}) as camera:
        assert "more than 32 MB" in str(failure(camera.url))


def silent(handler: BaseHTTPRequestHandler) -> None:
    head(handler, MIXED)
    pictures(handler, part("image/jpeg"), count=3)
    time.sleep(2.0)


def test_a_camera_that_stops_is_noticed_in_time() -> None:
    with Camera({"/": silent}) as camera:
        started = time.monotonic()
        error = failure(camera.url, capture={"read_timeout_s": 0.5})
        assert error.cause is Cause.TIMED_OUT
        assert time.monotonic() - started < 1.5


# -- passwords


def digest(algorithm: str, *, qop: bool = True) -> Reply:
    """A camera that checks Digest itself (RFC 7616)."""
    make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def hashed(*parts: str) -> str:
        return make(":".join(parts).encode()).hexdigest()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        header = handler.headers.get("Authorization", "")
        fields = parse_keqv_list(parse_http_list(header.partition(" ")[2])) if header else {}
        secret, request = hashed(USER, "c", PASSWORD), hashed("GET", handler.path)
        middle = ("n", fields.get("nc", ""), fields.get("cnonce", ""), "auth") if qop else ("n",)
        if fields.get("response") == hashed(secret, *middle, request) and fields.get("uri") == handler.path:
            DIALECTS["as in the book"](handler)
            return
        more = ', qop="auth"' if qop else ""
        head(handler, None, 401, WWW_Authenticate=f'Digest realm="c", nonce="n", algorithm={algorithm}{more}')

    return reply


def basic(handler: BaseHTTPRequestHandler) -> None:
    if handler.headers.get("Authorization") == "Basic YW5uOnAjcy9zQHc/cmQlMTo=":
        DIALECTS["as in the book"](handler)
    else:
        head(handler, None, 401, WWW_Authenticate='Basic realm="c"')


@pytest.mark.parametrize("ask", [basic, digest("MD5"), digest("SHA-256"), digest("MD5", qop=False)])
def test_passwords(ask: Reply) -> None:
    with Camera({"/a": ask}) as camera:
        with opened(f"{camera.url}/a?b=c d&e=%20", user=USER, password=PASSWORD) as source:
            assert numbers(source, 3) == [0, 1, 2]
        for login in ({}, {"user": USER, "password": "wrong"}):
            error = failure(f"{camera.url}/a", **login)
            assert error.cause is Cause.WRONG_PASSWORD
            assert "user name or password" in str(error)


def test_a_way_of_logging_in_that_is_not_known_is_named() -> None:
    with Camera({"/": lambda handler: head(handler, None, 401, WWW_Authenticate="Negotiate")}) as camera:
        assert "not supported (Negotiate)" in str(failure(camera.url, user=USER, password=PASSWORD))


# -- redirects


def test_a_redirect_to_the_same_camera_is_followed() -> None:
    replies = {
        "/old": lambda handler: head(handler, None, 302, Location="/new?x=1"),
        "/new": DIALECTS["as in the book"],
        "/round": lambda handler: head(handler, None, 301, Location="/round"),
    }
    with Camera(replies) as camera:
        with opened(f"{camera.url}/old") as source:
            assert numbers(source, 2) == [0, 1]
        assert camera.requests == ["/old", "/new?x=1"]
        assert "redirects in circles" in str(failure(f"{camera.url}/round"))


def test_a_redirect_to_another_host_sends_it_no_request() -> None:
    with Camera({"/": DIALECTS["as in the book"]}) as other:
        elsewhere = f"{other.url}/?token=hunter2"
        with Camera({"/": lambda handler: head(handler, None, 302, Location=elsewhere)}) as camera:
            error = failure(camera.url, user=USER, password=PASSWORD)
        assert f"redirects to another address ({other.url})" in str(error)
        assert "hunter2" not in str(error)
        assert other.requests == []


# -- certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that it has signed itself, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run(
        [*command, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True, timeout=30
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


def test_certificates_are_verified_unless_the_settings_say_otherwise(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Camera({"/": DIALECTS["as in the book"]}, context) as camera:
        error = failure(camera.url)
        assert "certificate cannot be verified: set capture.tls_ca" in str(error)
        assert camera.requests == []
        for capture in ({"tls_ca": str(certificate)}, {"tls_verify": False}):
            with opened(camera.url, capture=capture) as source:
                assert numbers(source, 2) == [0, 1]
        missing = str(certificate.with_name("none.pem"))
        assert "capture.tls_ca" in str(failure(camera.url, capture={"tls_ca": missing}))


# -- video over HTTP


def served(path: Path) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        head(handler, "video/mp2t")
        handler.wfile.write(path.read_bytes())

    return reply


@pytest.mark.parametrize("name", ["a.ts", "a.webm", "a.flv"])
def test_a_video_stream_is_read(tmp_path: Path, name: str) -> None:
    codec = "libvpx" if name == "a.webm" else "libx264"
    clip = write_clip(tmp_path / name, 50, codec=codec, encoder={"g": "10"})
    with Camera({"/a": served(clip)}) as camera, opened(f"{camera.url}/a") as source:
        assert numbers(source, 50) == list(range(50))
        with pytest.raises(SourceError, match="stopped giving frames"):
            source.grab()


def two_tracks(path: Path, sizes: list[tuple[int, int]], frames: int = 60) -> Path:
    with av.open(str(path), "w") as output:
        streams = []
        for width, height in sizes:
            stream = output.add_stream("libx264", rate=25, options={"g": "10", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        for index in range(frames):
            for stream in streams:
                picture = numbered(index, stream.width, stream.height)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        for stream in streams:
            output.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("sizes", "stream", "used"),
    [
        ([(320, 240), (640, 480)], None, (640, 480)),
        ([(640, 480), (320, 240)], None, (640, 480)),
        ([(640, 480), (320, 240)], 1, (320, 240)),
        ([(2560, 1440), (640, 480), (320, 240)], None, (640, 480)),
        ([(2560, 1440), (3840, 2160)], None, (1920, 1080)),
    ],
)
def test_of_several_video_tracks_one_is_used(
    tmp_path: Path, sizes: list[tuple[int, int]], stream: int | None, used: tuple[int, int]
) -> None:
    clip = two_tracks(tmp_path / "a.ts", sizes, 20)
    with Camera({"/a": served(clip)}) as camera, opened(f"{camera.url}/a", capture={"stream": stream}) as source:
        for number in range(20):
            source.grab()
            frame = source.retrieve()
            assert (frame.width_px, frame.height_px) == used
            assert number_of(frame.image) == number


def test_a_track_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    clip = two_tracks(tmp_path / "a.ts", [(320, 240), (160, 120)], 20)
    with Camera({"/a": served(clip)}) as camera:
        error = failure(f"{camera.url}/a", capture={"stream": 2})
    assert "has no video track 2 (capture.stream); it has 0: 320 x 240, 1: 160 x 120" in str(error)

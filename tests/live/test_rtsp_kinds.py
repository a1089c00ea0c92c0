"""RTSP cameras as they are: over UDP only, with two pictures, behind TLS, with any password."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.sources.camera_reader import CameraReader
from monitor.sources.opening import make_camera_source
from tests.live.servers import rtsp

PASSWORD = "p#s/s@w?rd%1[:]"


@contextmanager
def opened(url: str, **more: object) -> Iterator[CameraReader]:
    capture = {"open_timeout_s": 5, "read_timeout_s": 3} | more.pop("capture", {})  # type: ignore[operator]
    settings = CameraSettings.model_validate({"source": url, "capture": capture} | more)
    source = make_camera_source("door", settings, SystemClock(), time.sleep)
    assert isinstance(source, CameraReader)
    try:
        source.open()
        yield source
    finally:
        source.close()


def sizes(source: CameraReader, count: int = 15) -> set[tuple[int, int]]:
    found = set()
    for _ in range(count):
        assert source.grab() is not None
        frame = source.retrieve()
        found.add((frame.width_px, frame.height_px))
    return found


def failure(url: str, **more: object) -> SourceError:
    with pytest.raises(SourceError) as caught, opened(url, **more):
        pass
    return caught.value


def test_a_camera_that_sends_over_udp_only(gstreamer: None) -> None:
    with rtsp("--udp-only") as server:
        for transport in ("auto", "udp"):
            with opened(server.url(), capture={"transport": transport}) as source:
                assert sizes(source) == {(320, 240)}
        error = failure(server.url(), capture={"transport": "tcp"})
        assert error.cause is Cause.REFUSED
        assert "set capture.transport to auto" in str(error)


def udp_sockets() -> int:
    """Return how many UDP sockets this process has."""
    mine = {
        Path(f"/proc/self/fd/{entry.name}").readlink()
        for entry in Path("/proc/self/fd").iterdir()
        if entry.is_symlink()
    }
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(f"socket:[{line.split()[9]}]" in {str(link) for link in mine} for line in lines)


def test_a_camera_that_sends_over_tcp_is_asked_for_nothing_else(gstreamer: None) -> None:
    with rtsp() as server:
        before = udp_sockets()
        with opened(server.url()) as source:
            assert sizes(source) == {(320, 240)}
            assert udp_sockets() == before


@pytest.mark.parametrize(("stream", "size"), [(None, (640, 360)), (0, (320, 240)), (1, (640, 360))])
def test_one_of_two_pictures_is_used(gstreamer: None, stream: int | None, size: tuple[int, int]) -> None:
    with rtsp("--second", "640x360") as server, opened(server.url(), capture={"stream": stream}) as source:
        assert sizes(source, 30) == {size}


def test_any_password(gstreamer: None) -> None:
    with rtsp("--user", "ann", "--password", PASSWORD) as server:
        with opened(server.url(), user="ann", password=PASSWORD) as source:
            assert sizes(source) == {(320, 240)}
        error = failure(server.url(), user="ann", password="hunter2")
        assert error.cause is Cause.WRONG_PASSWORD
        assert "hunter2" not in str(error)


def test_certificates_are_verified_unless_the_settings_say_otherwise(gstreamer: None, tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run(
        [*command, "-keyout", "key.pem", "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True, timeout=30
    )
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "cert.pem").read_bytes() + (tmp_path / "key.pem").read_bytes())
    with rtsp("--certificate", str(both)) as server:
        url = server.url().replace("rtsp://", "rtsps://")
        error = failure(url)
        assert "its certificate cannot be verified: set capture.tls_ca" in str(error)
        for capture in ({"tls_ca": str(tmp_path / "cert.pem")}, {"tls_verify": False}):
            with opened(url, capture=capture) as source:
                assert sizes(source) == {(320, 240)}

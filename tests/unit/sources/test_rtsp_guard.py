"""What an RTSP camera may respond."""

import pytest

from monitor.domain.address import SourceAddress
from monitor.sources.rtsp_guard import ResponseLines


def fault(*lines: str) -> str | None:
    """Return the first fault of these lines, as FFmpeg logs them."""
    hosts = frozenset({"cam.example", "192.0.2.7"})
    guard = ResponseLines(SourceAddress("rtsp://ann:hunter2@Cam.example/live"), hosts)
    return next((found for line in lines if (found := guard.fault(line)) is not None), None)


@pytest.mark.parametrize(
    "location", ["rtsp://cam.example/x", "RTSP://cam.example:554/x?y=1&z=[2]", "rtsp://cam.example"]
)
def test_a_redirect_to_the_camera_itself_is_allowed(location: str) -> None:
    assert fault("RTSP/1.0 302 Found", f"Location: {location}", "") is None


@pytest.mark.parametrize(
    "location",
    [
        "rtsp://other.example/x",
        "rtsp://cam.example:555/x",
        "rtsps://cam.example/x",
        "rtsp://cam.example.evil/x",
        "rtsp://cam.example@evil/x",
        "rtsp://cam.example\\@evil/x",
        "rtsp://evil#@cam.example/x",
        "http://cam.example/x",
        "/x",
        "",
    ],
)
def test_a_redirect_elsewhere_is_a_fault(location: str) -> None:
    assert "redirects to" in (fault("RTSP/1.0 302 Found", f"LOCATION : {location}", "") or "")


def test_a_redirect_without_a_location_is_a_fault() -> None:
    assert fault("RTSP/1.0 200 OK", "CSeq: 1", "") is None
    assert fault("RTSP/1.0 302 Found", "CSeq: 1", "") == "redirects to no address; check the path"
    assert fault("RTSP/1.0 302 Found", "Location: rtsp://cam.example/", "", "RTSP/1.0 302 Found", "") is not None


@pytest.mark.parametrize(
    ("transport", "words"),
    [
        ("RTP/AVP;unicast;client_port=1-2;server_port=3-4;source=192.0.2.7", None),
        ("RTP/AVP;unicast;client_port=1-2;server_port=3-4", None),
        ("RTP/AVP/TCP;unicast;interleaved=0-1;source=198.51.100.1", None),
        ("RTP/AVP;unicast;client_port=1-2;SOURCE = 198.51.100.1", "another address (198.51.100.1)"),
        ("RTP/AVP;multicast;destination=239.1.1.1;port=3-4", None),
        ("RTP/AVP;multicast;destination=192.0.2.8;port=3-4", "no group"),
        ("RTP/AVP;multicast;port=3-4", "no group"),
    ],
)
def test_what_is_sent_over_udp_comes_from_the_camera_or_a_group(transport: str, words: str | None) -> None:
    found = fault("RTSP/1.0 200 OK", f"Transport: {transport}")
    assert found is None if words is None else words in (found or "")

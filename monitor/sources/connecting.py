"""Opens recordings and streams, in the same way for the live monitor, replays and the probe."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.sources.diagnosis import NOT_A_STREAM, explain
from monitor.sources.http import HttpLimits, HttpStream
from monitor.sources.libraries import limit_ffmpeg
from monitor.sources.rtsp_guard import guarding
from monitor.sources.tracks import MAX_STREAM_PIXELS

if TYPE_CHECKING:
    from av.container import InputContainer

A_PICTURE = "is a picture, not a camera or recording; use: scripts/run image"

#: FFmpeg analyses a stream for 1 s before the first frame: its default, 5 s, is too long at an entrance.
_STREAM_OPTIONS = {"analyzeduration": "1000000", "max_pixels": str(MAX_STREAM_PIXELS)}

#: Nothing that a source contains is opened: FFmpeg would follow a playlist to any file or host.
_NOTHING = "none"

#: Formats without a clock of their own: FFmpeg invents times at 25 frames per second.
_NO_CLOCK = ("mpjpeg", "mjpeg")

_TRANSPORTS = {"auto": "tcp+udp", "tcp": "tcp", "udp": "udp", "multicast": "udp_multicast"}
_TRANSPORT_WORDS = {"tcp": "TCP", "udp": "UDP", "multicast": "UDP multicast"}

#: Formats that name other files or addresses.
_PLAYLISTS = ("hls", "dash", "concat", "sdp", "imf")


@dataclass(slots=True)
class Connection:
    """An open container; `how` is how it is sent, in words, and `has_clock` whether its times are the source's own."""

    container: "InputContainer"
    how: str
    has_clock: bool
    http: HttpStream | None = None

    def close(self) -> None:
        """Close the container and the connection."""
        self.container.close()
        if self.http is not None:
            self.http.close()

    def failure(self) -> SourceError | None:
        """Return why reading failed, if the connection knows."""
        return None if self.http is None else self.http.error


def open_recording(path: Path) -> Connection:
    """Open a video file; raises `SourceError`."""
    import av
    from av.error import FFmpegError

    av.logging.set_level(None)
    # A clock that starts again is noticed by `monitor.sources.timeline`; FFmpeg would take it for one that overflowed.
    options = {"protocol_whitelist": "file", "correct_ts_overflow": "0"}
    try:
        container = av.open(str(path.absolute()), options=options)
    except (FFmpegError, OSError, ValueError):
        words = "not a readable video: damaged, still being written, cut off before its index, or another kind of file"
        raise SourceError(f"{path}: {words}", Cause.UNDECODABLE) from None
    name = container.format.name
    fault = None
    if name.split(",")[0] in _PLAYLISTS:
        fault = "is a playlist, which names other files; give the video files themselves"
    elif name.endswith("_pipe") or name == "image2":
        fault = A_PICTURE
    if fault is not None:
        container.close()
        raise SourceError(f"{path}: {fault}", Cause.UNDECODABLE)
    return Connection(container, "/".join(name.split(",")[:2]), name not in _NO_CLOCK)


def open_stream(
    address: SourceAddress,
    settings: CaptureSettings,
    poll_fps: float,
    pause: Callable[[float], object] = time.sleep,
) -> Connection:
    """Connect to an RTSP or HTTP(S) stream and analyse it; raises `SourceError` with the cause and the remedy.

    An address that gives single pictures is asked for `poll_fps` of them per second.
    """
    import av

    av.logging.set_level(None)  # its messages contain addresses with passwords
    limit_ffmpeg()
    if address.value.lower().startswith("rtsp"):
        return _open_rtsp(address, settings)
    return _open_http(address, settings, poll_fps, pause)


def _open_rtsp(address: SourceAddress, settings: CaptureSettings) -> Connection:
    """Open RTSP, by default over TCP, since over UDP one lost packet damages a whole group of pictures.

    FFmpeg checks both time-outs regularly, so they are accurate to about 10 ms. Only video is requested.
    """
    import av
    from av.error import FFmpegError

    options = _STREAM_OPTIONS | {"allowed_media_types": "video"}
    secure = address.value.lower().startswith("rtsps")
    if secure:
        options["tls_verify"] = "1" if settings.tls_verify else "0"
        authority = settings.tls_ca or ssl.get_default_verify_paths().cafile
        if settings.tls_verify and authority is not None:
            options["ca_file"] = str(authority)
    transport = settings.transport
    options["rtsp_transport"] = _TRANSPORTS[transport]
    if transport == "auto":
        options["rtsp_flags"] = "prefer_tcp"
    started = time.monotonic()
    time_outs = (settings.open_timeout_s, settings.read_timeout_s)
    try:
        with guarding(address) as guarded:
            container = av.open(address.value, options=options, timeout=time_outs)
    except MemoryError:
        raise
    except (FFmpegError, OSError) as error:
        if guarded.fault is not None:
            raise SourceError(f"{address}: {guarded.fault}", Cause.REFUSED) from None
        context = tls_context(settings) if secure else None
        cause, words = explain(address, error, time.monotonic() - started, settings.open_timeout_s, context)
        raise SourceError(f"{address}: {words}", cause) from None
    if guarded.fault is not None:
        container.close()
        raise SourceError(f"{address}: {guarded.fault}", Cause.REFUSED)
    over = "" if transport == "auto" else f" over {_TRANSPORT_WORDS[transport]}"
    return Connection(container, f"RTSP{' with TLS' if secure else ''}{over}", has_clock=True)


def _open_http(
    address: SourceAddress, settings: CaptureSettings, poll_fps: float, pause: Callable[[float], object]
) -> Connection:
    import av
    from av.error import FFmpegError

    limits = HttpLimits(settings.open_timeout_s, settings.read_timeout_s, poll_fps, tls_context(settings))
    stream = HttpStream(address, limits, pause)
    options = _STREAM_OPTIONS | {"protocol_whitelist": _NOTHING}
    try:
        stream.open()
        container = av.open(stream, "r", format="mpjpeg" if stream.is_pictures else None, options=options)
    except MemoryError:
        stream.close()
        raise
    except (FFmpegError, OSError, ValueError):
        stream.close()
        if stream.error is not None:
            raise stream.error from None
        words = "sends no complete JPEG picture; check the path" if stream.is_pictures else NOT_A_STREAM
        raise SourceError(f"{address}: {words}", Cause.UNDECODABLE) from None
    except SourceError:
        stream.close()
        raise
    name = container.format.name
    how = "Motion JPEG over HTTP" if stream.is_pictures else f"{name.split(',')[0]} over HTTP"
    return Connection(container, how, name not in _NO_CLOCK, stream)


def tls_context(settings: CaptureSettings) -> ssl.SSLContext:
    """Return how certificates are verified; raises `SourceError` if the settings' file cannot be read."""
    try:
        context = ssl.create_default_context(cafile=None if settings.tls_ca is None else str(settings.tls_ca))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "contains no certificate"
        raise SourceError(f"{settings.tls_ca}: cannot be read (capture.tls_ca): {reason}", Cause.NOT_FOUND) from error
    if not settings.tls_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context

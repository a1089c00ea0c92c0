"""Why a stream cannot be opened, which OpenCV does not tell."""

import itertools
import time

from monitor.domain.address import SourceAddress
from monitor.domain.health import Cause
from monitor.sources.knock import answers, connected

#: Packets to look at before a stream that opens is believed to be decodable.
_PACKETS = 200

#: An RTSP server answers OPTIONS at once; FFmpeg tells its silence and rubbish from it not apart.
_ANSWER_S = 2.0


def diagnose(address: SourceAddress, timeout_s: float) -> tuple[Cause, str]:
    """Try a stream once more; return the cause and what to do about it.

    First the connection, then the stream through PyAV, whose errors tell causes apart. Takes up to `timeout_s` for
    each step. The words hold nothing of FFmpeg's own: its messages repeat the address with its password.
    """
    try:
        connected(address, timeout_s).close()
    except ConnectionRefusedError:
        return Cause.REFUSED, "nobody answers at this port; check the port, and that the camera serves this protocol"
    except TimeoutError:
        return _timed_out(timeout_s)
    except (OSError, ValueError):  # no route, no such host
        return Cause.UNREACHABLE, "cannot be reached; check the address and the network"
    if address.value.lower().startswith("rtsp:") and not answers(address, min(timeout_s, _ANSWER_S)):
        return Cause.TIMED_OUT, "accepts the connection but says nothing; is the camera hung?"
    return _try_stream(address, timeout_s)


def _try_stream(address: SourceAddress, timeout_s: float) -> tuple[Cause, str]:
    import av
    from av import error

    av.logging.set_level(None)
    started = time.monotonic()
    options = {"rtsp_transport": "tcp"} if address.value.lower().startswith("rtsp") else {}
    try:
        with av.open(address.value, options=options, timeout=(timeout_s, timeout_s)) as container:
            if not container.streams.video:
                return Cause.UNDECODABLE, "what it sends holds no video"
            for packet in itertools.islice(container.demux(video=0), _PACKETS):
                if packet.decode():
                    return Cause.UNEXPECTED, "did not open, but answers now"
    except (error.HTTPUnauthorizedError, error.HTTPForbiddenError):
        found = Cause.WRONG_PASSWORD, "refuses the user or password; check both"
    except error.HTTPNotFoundError:
        found = Cause.NOT_FOUND, "the camera answers, but has no such stream; check the path"
    except (error.TimeoutError, error.ExitError):
        found = _timed_out(timeout_s)
    except (error.FFmpegError, OSError):
        slow = time.monotonic() - started > 0.9 * timeout_s
        found = _timed_out(timeout_s) if slow else (Cause.UNDECODABLE, "what it sends is not a stream that can be read")
    else:
        found = _no_picture()
    return found


def _no_picture() -> tuple[Cause, str]:
    return Cause.UNDECODABLE, "what it sends holds no picture that decodes"


def _timed_out(timeout_s: float) -> tuple[Cause, str]:
    return Cause.TIMED_OUT, f"no answer within {timeout_s:g} s; is the camera on, and the network up?"

"""Why a stream cannot be opened, in words that a person can act on."""

import itertools
import time

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.sources.ping import is_reachable, open_connection

#: Packets to look at before a stream that opens is believed to be decodable.
_PACKETS = 200

#: An RTSP server answers OPTIONS at once; FFmpeg's errors do not tell its silence from rubbish.
_ANSWER_S = 2.0

NO_VIDEO = "what it sends holds no video"
NO_PICTURE = "what it sends holds no picture that decodes"


def explain(address: SourceAddress, error: Exception, waited_s: float, timeout_s: float) -> tuple[Cause, str]:
    """Return the cause of PyAV's error at opening, and what to do about it.

    Where the error itself says little, the camera is knocked at, for up to a few seconds more. The words hold nothing
    of FFmpeg's own: its messages repeat the address with its password.
    """
    from av import error as refusals

    match error:
        case refusals.HTTPUnauthorizedError() | refusals.HTTPForbiddenError():
            return Cause.WRONG_PASSWORD, "refuses the user or password; check both"
        case refusals.HTTPNotFoundError():
            return Cause.NOT_FOUND, "the camera answers, but has no such stream; check the path"
    timed_out = Cause.TIMED_OUT, f"no answer within {timeout_s:g} s; is the camera on, and the network up?"
    if isinstance(error, refusals.TimeoutError | refusals.ExitError) or waited_s > 0.9 * timeout_s:
        return timed_out
    return _knocked(address, timeout_s) or (Cause.UNDECODABLE, "what it sends is not a stream that can be read")


def diagnose(address: SourceAddress, timeout_s: float) -> tuple[Cause, str]:
    """Try a stream that failed once more, with up to `timeout_s` for each step; return the cause and what to do."""
    import av
    from av.error import FFmpegError

    av.logging.set_level(None)
    options = {"rtsp_transport": "tcp"} if address.value.lower().startswith("rtsp") else {}
    started = time.monotonic()
    try:
        with av.open(address.value, options=options, timeout=(timeout_s, timeout_s)) as container:
            if not container.streams.video:
                return Cause.UNDECODABLE, NO_VIDEO
            for packet in itertools.islice(container.demux(video=0), _PACKETS):
                if packet.decode():
                    return Cause.UNEXPECTED, "did not open, but answers now"
    except (FFmpegError, OSError) as error:
        return explain(address, error, time.monotonic() - started, timeout_s)
    return Cause.UNDECODABLE, NO_PICTURE


def _knocked(address: SourceAddress, timeout_s: float) -> tuple[Cause, str] | None:
    """Tell by a connection of our own whether anybody is there; None where somebody answers."""
    try:
        open_connection(address, timeout_s).close()
    except ConnectionRefusedError:
        return Cause.REFUSED, "nobody answers at this port; check the port, and that the camera serves this protocol"
    except TimeoutError:
        return Cause.TIMED_OUT, f"no answer within {timeout_s:g} s; is the camera on, and the network up?"
    except (OSError, ValueError):  # no route, no such host, a port that is no number
        return Cause.UNREACHABLE, "cannot be reached; check the address and the network"
    if address.value.lower().startswith("rtsp:") and not is_reachable(address, min(timeout_s, _ANSWER_S)):
        return Cause.TIMED_OUT, "accepts the connection but says nothing; is the camera hung?"
    return None

"""Why a stream cannot be opened, in words for people, with the remedy."""

import errno

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.sources.ping import is_reachable, open_connection

#: Seconds for an RTSP server's response to OPTIONS; FFmpeg's errors do not distinguish silence from invalid data.
_ANSWER_S = 2.0

NO_VIDEO = "the stream contains no video"
NO_PICTURE = "the stream contains no picture that can be decoded"


def explain(address: SourceAddress, error: Exception, waited_s: float, timeout_s: float) -> tuple[Cause, str]:
    """Return the cause of PyAV's error at opening, and a message with the remedy.

    If the error itself is unspecific, the camera is pinged, for up to a few seconds more. The message contains nothing
    of FFmpeg's own messages, which repeat the address with its password.
    """
    from av import error as refusals

    match error:
        case refusals.HTTPUnauthorizedError() | refusals.HTTPForbiddenError():
            return Cause.WRONG_PASSWORD, "refuses the user name or password; check both"
        case refusals.HTTPNotFoundError():
            return Cause.NOT_FOUND, "the camera responds, but has no such stream; check the path"
    if isinstance(error, OSError) and error.errno == errno.EPROTONOSUPPORT:
        return Cause.REFUSED, "does not send RTSP over TCP; switch TCP (also called interleaved) on in the camera"
    timed_out = Cause.TIMED_OUT, f"no answer within {timeout_s:g} s; check that the camera is on and the network works"
    if isinstance(error, refusals.TimeoutError | refusals.ExitError) or waited_s > 0.9 * timeout_s:
        return timed_out
    return _unanswered(address, timeout_s) or (
        Cause.UNDECODABLE,
        "responds, but not with a readable stream; check the path and the protocol",
    )


def _unanswered(address: SourceAddress, timeout_s: float) -> tuple[Cause, str] | None:
    """Return the cause and message if a plain connection fails or gets no response; None if something responds."""
    try:
        open_connection(address, timeout_s).close()
    except ConnectionRefusedError:
        return Cause.REFUSED, "nothing listens on this port; check the port, and that the camera serves this protocol"
    except TimeoutError:
        return Cause.TIMED_OUT, f"no answer within {timeout_s:g} s; check that the camera is on and the network works"
    except (OSError, ValueError):  # no route, unknown host, or a port that is not a number
        return Cause.UNREACHABLE, "cannot be reached; check the address and the network"
    if address.value.lower().startswith("rtsp:") and not is_reachable(address, min(timeout_s, _ANSWER_S)):
        return Cause.TIMED_OUT, "accepts the connection but does not respond; restart the camera"
    return None

"""Why a stream cannot be opened, in words for people, with the remedy."""

import errno
import ssl
from urllib.parse import urlsplit

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.sources.ping import is_reachable, open_connection, rtsp_challenges

#: Seconds for an RTSP server's response to OPTIONS; FFmpeg's errors do not distinguish silence from invalid data.
_ANSWER_S = 2.0

NO_PICTURE = "contains no picture that can be decoded"
NOT_A_STREAM = "responds, but not with a readable stream; check the path and the protocol"
NO_ANSWER = "accepts the connection but sends nothing; restart the camera"
WRONG_PASSWORD = "refuses the user name or password; check both"
NOT_FOUND = "the camera responds, but has no such stream; check the path"
NO_CERTIFICATE = (
    "its certificate cannot be verified: set capture.tls_ca to the camera's certificate or that of its authority, or "
    "capture.tls_verify to false if the network is safe"
)


def explain(
    address: SourceAddress, error: Exception, waited_s: float, timeout_s: float, tls: ssl.SSLContext | None = None
) -> tuple[Cause, str]:
    """Return the cause of PyAV's error at opening, and a message with the remedy.

    If the error itself is unspecific, the camera is pinged, for up to a few seconds more. The message contains nothing
    of FFmpeg's own messages, which repeat the address with its password.
    """
    from av import error as refusals

    match error:
        case refusals.HTTPUnauthorizedError() | refusals.HTTPForbiddenError():
            return Cause.WRONG_PASSWORD, _unknown_challenge(address, timeout_s) or WRONG_PASSWORD
        case refusals.HTTPNotFoundError():
            return Cause.NOT_FOUND, NOT_FOUND
    if isinstance(error, OSError) and error.errno == errno.EPROTONOSUPPORT:
        return Cause.REFUSED, "does not offer this way of sending; set capture.transport to auto"
    timed_out = Cause.TIMED_OUT, f"no answer within {timeout_s:g} s; check that the camera is on and the network works"
    if isinstance(error, refusals.TimeoutError | refusals.ExitError) or waited_s > 0.9 * timeout_s:
        return timed_out
    return _unanswered(address, timeout_s, tls) or (
        Cause.UNDECODABLE,
        NOT_A_STREAM,
    )


def explain_connection(error: Exception, timeout_s: float) -> tuple[Cause, str]:
    """Return the cause and message of a plain connection that failed with `OSError` or `ValueError`."""
    match error:
        case ConnectionRefusedError():
            words = "nothing listens on this port; check the port, and that the camera serves this protocol"
            return Cause.REFUSED, words
        case TimeoutError():
            words = f"no answer within {timeout_s:g} s; check that the camera is on and the network works"
            return Cause.TIMED_OUT, words
        case ssl.SSLCertVerificationError():
            return Cause.REFUSED, NO_CERTIFICATE
        case ssl.SSLError():
            return Cause.UNDECODABLE, "responds, but not over TLS; check the port and the protocol"
        case ConnectionError():
            return Cause.ENDED, "closes the connection without a response; check the protocol, or restart the camera"
    # no route, unknown host, or a port that is not a number
    return Cause.UNREACHABLE, "cannot be reached; check the address and the network"


def _unknown_challenge(address: SourceAddress, timeout_s: float) -> str | None:
    """Return a message if an RTSP camera asks only for ways of logging in that FFmpeg does not know, else None."""
    challenges = [challenge.lower() for challenge in rtsp_challenges(address, min(timeout_s, _ANSWER_S))]
    known = (
        challenge.startswith("basic")
        or (challenge.startswith("digest") and ("algorithm" not in challenge or "md5" in challenge))
        for challenge in challenges
    )
    if not challenges or any(known):
        return None
    return "asks for passwords with SHA-256 only, which is not supported over RTSP; allow Digest with MD5 in the camera"


def _unanswered(address: SourceAddress, timeout_s: float, tls: ssl.SSLContext | None) -> tuple[Cause, str] | None:
    """Return the cause and message if a plain connection fails or gets no response; None if something responds."""
    try:
        with open_connection(address, timeout_s) as connection:
            if tls is not None:
                tls.wrap_socket(connection, server_hostname=urlsplit(address.value).hostname).close()
    except (OSError, ValueError) as error:
        return explain_connection(error, timeout_s)
    if address.value.lower().startswith("rtsp:") and not is_reachable(address, min(timeout_s, _ANSWER_S)):
        return Cause.TIMED_OUT, "accepts the connection but does not respond; restart the camera"
    return None

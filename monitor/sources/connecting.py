"""Connecting to a stream, in the same way for the live monitor and the probe."""

import time
from typing import TYPE_CHECKING

from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.sources.diagnosis import explain

if TYPE_CHECKING:
    from av.container import InputContainer

#: FFmpeg analyses a stream for this long before the first frame; its default, 5 s, is too long at an entrance.
_ANALYSE_US = 1_000_000


def open_stream(address: SourceAddress, open_timeout_s: float, read_timeout_s: float) -> "InputContainer":
    """Connect to an RTSP or HTTP(S) stream and analyse it; raises `SourceError` with the cause and the remedy.

    RTSP runs over TCP, since over UDP one lost packet damages a whole group of pictures, and requests video only.
    FFmpeg checks both time-outs regularly, so they are accurate to about 10 ms.
    """
    import av
    from av.error import FFmpegError

    av.logging.set_level(None)  # its messages contain addresses with passwords
    options = {"analyzeduration": str(_ANALYSE_US)}
    if address.value.lower().startswith("rtsp"):
        options |= {"rtsp_transport": "tcp", "allowed_media_types": "video"}
    started = time.monotonic()
    try:
        return av.open(address.value, options=options, timeout=(open_timeout_s, read_timeout_s))
    except (FFmpegError, OSError) as error:
        cause, words = explain(address, error, time.monotonic() - started, open_timeout_s)
        raise SourceError(f"{address}: {words}", cause) from None

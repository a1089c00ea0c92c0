"""Connecting to a stream: the one way in which the live monitor and the probe both do it."""

import time
from typing import TYPE_CHECKING

from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.sources.diagnosis import explain

if TYPE_CHECKING:
    from av.container import InputContainer

#: FFmpeg studies a stream for this long before it gives the first frame; its own limit, 5 s, is long for a door.
_STUDY_US = 1_000_000


def open_stream(address: SourceAddress, open_timeout_s: float, read_timeout_s: float) -> "InputContainer":
    """Connect to an RTSP or HTTP(S) stream and study it; raises `SourceError` with the cause and the remedy.

    RTSP runs over TCP, since over UDP one lost packet smears a whole group of pictures, and asks for video alone.
    FFmpeg looks at the clock in between, so both time-outs hold to some 10 ms.
    """
    import av
    from av.error import FFmpegError

    av.logging.set_level(None)  # its messages hold addresses, and with them passwords
    options = {"analyzeduration": str(_STUDY_US)}
    if address.value.lower().startswith("rtsp"):
        options |= {"rtsp_transport": "tcp", "allowed_media_types": "video"}
    started = time.monotonic()
    try:
        return av.open(address.value, options=options, timeout=(open_timeout_s, read_timeout_s))
    except (FFmpegError, OSError) as error:
        cause, words = explain(address, error, time.monotonic() - started, open_timeout_s)
        raise SourceError(f"{address}: {words}", cause) from None

"""Connections whose other end neither reads nor writes: they are given up, so that nobody can use all of them up."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

#: The head of a request is one packet, or a few.
HEAD_WITHIN_S = 15.0

#: What has been sent moves on within this time: the socket of a page gives up before, and says so.
TAKES_WITHIN_S = 15.0


class _Timer:
    """Ends a connection, unless it is told in time not to."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._handle: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        """Begin to wait; a wait that has begun goes on."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._after_s, transport.abort)

    def cancel(self) -> None:
        """Wait no longer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class TimeoutHttp(H11Protocol):
    """HTTP as uvicorn speaks it, with a limit to how long a request's head may take, and what was sent may lie."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head, self._taken = _Timer(HEAD_WITHIN_S), _Timer(TAKES_WITHIN_S)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._head.start(transport)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; between requests nothing is expected until the next one begins."""
        super().data_received(data)
        in_work = self.cycle is not None and not self.cycle.response_complete
        if in_work or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._head.cancel()
        else:
            self._head.start(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._head.cancel()
        self._taken.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to lose patience."""
        self._taken.start(self.transport)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Find it again."""
        self._taken.cancel()
        super().resume_writing()


class TimeoutWebSocket(WebSocketsSansIOProtocol):
    """WebSockets as uvicorn speaks them, with a limit to how long what was sent may lie."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._taken = _Timer(TAKES_WITHIN_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the next message is asked for when the last one is with the system, and is of that moment then."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._taken.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to lose patience."""
        self._taken.start(self.transport)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Find it again."""
        self._taken.cancel()
        super().resume_writing()

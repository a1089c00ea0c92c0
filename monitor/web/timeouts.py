"""Time-outs of connections whose client neither reads nor writes, so that they cannot use up all connections."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

#: Seconds for the head of a request, which is one or a few packets.
HEAD_WITHIN_S = 15.0

#: Seconds within which sent data must be received; the socket of a page has a shorter limit.
TAKES_WITHIN_S = 15.0

#: Seconds for the TLS handshake.
_HANDSHAKE_WITHIN_S = 5.0


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose servers limit the time of the TLS handshake, for which uvicorn has no setting."""

    async def create_server(self, *arguments: Any, **more: Any) -> asyncio.Server:
        """Return a server; the parameters are those of asyncio."""
        if more.get("ssl") is not None:
            more["ssl_handshake_timeout"] = _HANDSHAKE_WITHIN_S
        return await super().create_server(*arguments, **more)


class _Timer:
    """Aborts a connection after a time, unless cancelled."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._handle: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        """Start the timer, unless it is running."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._after_s, transport.abort)

    def cancel(self) -> None:
        """Stop the timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class TimeoutHttp(H11Protocol):
    """uvicorn's HTTP protocol with time limits for the head of a request and for unsent data."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head, self._unsent = _Timer(HEAD_WITHIN_S), _Timer(TAKES_WITHIN_S)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of the request's head."""
        super().connection_made(transport)
        self._head.start(transport)

    def data_received(self, data: bytes) -> None:
        """Process a part of a request; between requests there is no timer until the next one begins."""
        super().data_received(data)
        in_work = self.cycle is not None and not self.cycle.response_complete
        if in_work or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._head.cancel()
        else:
            self._head.start(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._head.cancel()
        self._unsent.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timer of unsent data."""
        self._unsent.start(self.transport)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Stop the timer of unsent data."""
        self._unsent.cancel()
        super().resume_writing()


class TimeoutWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a time limit for unsent data."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._unsent = _Timer(TAKES_WITHIN_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Disable buffering, so that each message is created when the one before has been passed to the system."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._unsent.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timer of unsent data."""
        self._unsent.start(self.transport)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Stop the timer of unsent data."""
        self._unsent.cancel()
        super().resume_writing()

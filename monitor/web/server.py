"""The web server: bound before the monitor starts, and run on its own thread."""

import contextlib
import ipaddress
import logging
import socket
import ssl
from typing import TYPE_CHECKING

from monitor.config.web import WebSettings
from monitor.domain.errors import ConfigError
from monitor.web.listening import Listener, connection_limits

if TYPE_CHECKING:  # loaded on the web thread, while cameras connect
    import uvicorn
    from starlette.types import ASGIApp

_MOST_MESSAGE_BYTES = 64 * 1024

#: The most bytes that wait in the operating system for a slow client: pictures that wait in the program instead are
#: replaced by newer ones.
_UNSENT_BYTES = 16 * 1024

#: Loggers that write a line for every malformed request, which could fill the log.
_CHATTY = ("uvicorn.error", "python_multipart")


def is_loopback(host: str) -> bool:
    """Return whether an address to bind can be reached only from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(web: WebSettings) -> socket.socket:
    """Return a socket bound to the address and port in the settings; raises `ConfigError` with the remedy."""
    if web.tls_certificate is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                web.tls_certificate,
                web.tls_key,
                password="",  # never prompt for one
            )
        except (OSError, ssl.SSLError) as error:
            files = f"{web.tls_certificate}, {web.tls_key}"
            raise ConfigError(f"web: {files}: not a certificate with its key: {error}") from error
    try:
        family, *_, address = socket.getaddrinfo(web.host, web.port, type=socket.SOCK_STREAM)[0]
        bound = Listener(family, *connection_limits(), web.trusted_proxies)
        with contextlib.ExitStack() as unless_bound:
            unless_bound.callback(bound.close)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _limit_unsent(bound)
            bound.bind(address)
            unless_bound.pop_all()
    except OSError as error:
        raise ConfigError(
            f"web: cannot serve at {web.host} port {web.port}: {error.strerror or error}; "
            "set web.port to another, or web.enabled to false"
        ) from error
    return bound


def url_of(web: WebSettings, bound: socket.socket) -> str:
    """Return the address to open in a browser on this machine."""
    host, port = bound.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "localhost"
    return f"http{'s' if web.tls else ''}://{f'[{host}]' if ':' in host else host}:{port}{web.base_path}/"


class Server:
    """Serves an application on a bound socket until `stop`."""

    def __init__(self, web: WebSettings, bound: socket.socket) -> None:
        self._web = web
        self._bound = bound
        self._server: uvicorn.Server | None = None
        self._stopping = False

    def run(self, app: "ASGIApp") -> None:
        """Serve; the body of the web thread."""
        import uvicorn

        from monitor.web.timeouts import Loop, TimeoutHttp, TimeoutWebSocket

        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        web = self._web
        config = uvicorn.Config(
            app,
            loop=f"{Loop.__module__}:{Loop.__name__}",
            http=TimeoutHttp,
            ws=TimeoutWebSocket,
            log_config=None,
            access_log=False,
            ssl_certfile=web.tls_certificate,
            ssl_keyfile=web.tls_key,
            proxy_headers=False,  # see TrustedProxies
            server_header=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=1,
            ws_max_size=_MOST_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # JPEG does not shrink further
            lifespan="on",
        )
        self._server = uvicorn.Server(config)
        if not self._stopping:
            self._server.run([self._bound])

    def stop(self) -> None:
        """Request the end of `run`; may be called from any thread, also before `run`."""
        self._stopping = True
        if self._server is not None:
            self._server.should_exit = True


def _limit_unsent(listening: socket.socket) -> None:
    """Limit the bytes that the operating system queues for slow clients, where supported (Linux)."""
    if (option := getattr(socket, "TCP_NOTSENT_LOWAT", None)) is not None:
        listening.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)

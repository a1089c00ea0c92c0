"""The path of the login page, and the return to the requested page."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request

from monitor.web.paths import base_of

_MOST_CHARACTERS = 2000


def login_path(request: Request) -> str:
    """Return the path of the login page, which returns to the requested page afterwards."""
    base, path = base_of(request), quote(request.scope["path"])
    query = request.scope["query_string"].decode("latin-1")
    back = local_path(f"{path}?{query}" if query else path, base)
    return f"{base}/login" if back == f"{base}/" else f"{base}/login?next={quote(back, safe='')}"


def local_path(text: str | None, base: str = "") -> str:
    """Return a path of the monitor that a browser may be sent to, with its query; that of the desk for anything else.

    All paths begin with `base`. Refused is everything that a browser could interpret as the address of another server:
    with a scheme or a host, with `//` or a backslash, or with a character that browsers drop or that needs escaping.
    """
    desk = f"{base}/"
    if text is None or len(text) > _MOST_CHARACTERS or not text.startswith(desk):
        return desk
    if "//" in text or "\\" in text or not all("!" <= character <= "~" for character in text):
        return desk
    parts = urlsplit(text)
    return desk if parts.scheme or parts.netloc or parts.path == f"{base}/login" else text

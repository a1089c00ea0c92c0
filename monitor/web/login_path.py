"""The path of the login page, and the return to the requested page."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request

_MOST_CHARACTERS = 2000


def login_path(request: Request) -> str:
    """Return the path of the login page, which returns to the requested page afterwards."""
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    back = local_path(f"{path}?{query}" if query else path)
    return "/login" if back == "/" else f"/login?next={quote(back, safe='')}"


def local_path(text: str | None) -> str:
    """Return a path of this server that a browser may be sent to, with its query; "/" for anything else.

    Refused is everything that a browser could interpret as the address of another server: with a scheme or a host, with
    `//` or a backslash, or with a character that browsers drop or that needs escaping.
    """
    if text is None or len(text) > _MOST_CHARACTERS or not text.startswith("/"):
        return "/"
    if "//" in text or "\\" in text or not all("!" <= character <= "~" for character in text):
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc or parts.path == "/login" else text

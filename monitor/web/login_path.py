"""The way to the login page and back to the page that was asked for."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request

_MOST_CHARACTERS = 2000


def login_path(request: Request) -> str:
    """Return the path of the login page, which leads back to the page that a request asks for."""
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    back = local_path(f"{path}?{query}" if query else path)
    return "/login" if back == "/" else f"/login?next={quote(back, safe='')}"


def local_path(text: str | None) -> str:
    """Return a path of this server that a browser may be sent to, with its query; "/" for anything else.

    Anything else is whatever a browser could take for another server's address: with a scheme or a host, with `//` or a
    backslash, or with a character that browsers drop or that needs escaping.
    """
    if text is None or len(text) > _MOST_CHARACTERS or not text.startswith("/"):
        return "/"
    if "//" in text or "\\" in text or not all("!" <= character <= "~" for character in text):
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc or parts.path == "/login" else text

"""The folders of templates and static files, and the path that the pages are served under."""

from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.templating import Jinja2Templates

STATIC = Path(__file__).with_name("static")


def base_of(connection: HTTPConnection) -> str:
    """Return `web.base_path`, which every path for a browser begins with: "" or such as "/mask"."""
    base: str = connection.scope.get("app_root_path", connection.scope.get("root_path", ""))
    return base


TEMPLATES = Jinja2Templates(
    Path(__file__).with_name("templates"), context_processors=[lambda request: {"base": base_of(request)}]
)


def cookie_name(name: str, tls: bool, base_path: str) -> str:
    """Return the name of a cookie; under TLS browsers restrict it to this host.

    With a base path the name is another: a cookie of the whole host, such as one from before, would hide it.
    """
    name += base_path.replace("/", "_")
    return f"{'__Secure' if base_path else '__Host'}-{name}" if tls else name

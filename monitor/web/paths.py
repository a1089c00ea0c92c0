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

"""Cookies that scripts cannot read, and that browsers send to this site only."""

from starlette.responses import Response


def cookie_name(name: str, tls: bool, base_path: str) -> str:
    """Return the name of a cookie; under TLS browsers restrict it to this host.

    With a base path the name is another: a cookie of the whole host, such as one from before, would hide it.
    """
    name += base_path.replace("/", "_")
    return f"{'__Secure' if base_path else '__Host'}-{name}" if tls else name


def set_cookie(response: Response, name: str, value: str, lasts_s: float, *, secure: bool, base_path: str) -> None:
    """Set a cookie, or renew it; `secure` if the request came over TLS, also to a proxy."""
    response.set_cookie(
        name,
        value,
        max_age=round(lasts_s),
        httponly=True,
        samesite="strict",
        secure=secure,
        path=base_path or "/",
    )

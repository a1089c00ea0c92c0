"""Addresses of kiosk pages."""

from urllib.parse import quote


def kiosk_path(camera: str) -> str:
    """Return the path of a camera's kiosk page."""
    return f"/kiosk/{quote(camera, safe='')}"


def pairing_path(secret: str) -> str:
    """Return the path of a link that pairs a browser.

    Browsers send nothing after the `#`: the secret is in no proxy's log, and no preview of the link uses it up.
    """
    return f"/pair#{secret}"

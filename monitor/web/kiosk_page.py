"""The paths of kiosk pages."""

from urllib.parse import quote


def kiosk_path(camera: str) -> str:
    """Return the path of a camera's kiosk page."""
    return f"/kiosk/{quote(camera, safe='')}"


def pairing_path(secret: str) -> str:
    """Return the path of a link that pairs a browser.

    Browsers do not send the part after `#`: the secret is in no proxy's log, and a preview of the link does not use it.
    """
    return f"/pair#{secret}"

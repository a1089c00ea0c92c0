"""The paths of kiosk pages."""

from urllib.parse import quote


def kiosk_path(base: str, camera: str) -> str:
    """Return the path of a camera's kiosk page, under the base path of the pages."""
    return f"{base}/kiosk/{quote(camera, safe='')}"


def pairing_path(secret: str) -> str:
    """Return the path of a link that pairs a browser.

    Browsers do not send the part after `#`: the secret is in no proxy's log, and a preview of the link does not use it.
    """
    return f"/pair#{secret}"

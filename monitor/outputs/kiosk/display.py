"""Checks that a window can be opened, before OpenCV tries: Qt ends the whole process if it cannot."""

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2

from monitor.domain.errors import OutputError
from monitor.outputs.kiosk.lettering import FONTS
from monitor.outputs.style import Bgr

#: The packages of scripts/desktop-packages.txt.
PACKAGES = ("libgl1", "libglib2.0-0", "libsm6", "libxext6")
_INSTALL = f"on Debian: apt-get install {' '.join(PACKAGES)}"

#: Xlib's AllPlanes and ZPixmap.
_ALL_PLANES, _BY_PIXEL = ctypes.c_ulong(-1).value, 2


@contextmanager
def opened_display(environment: Mapping[str, str] = os.environ) -> Iterator["XScreen | None"]:
    """Check that a window can be opened, and yield its X screen (None: the screen is not of an X server).

    The connection stays open until the end: a bare X server restarts when its last client disconnects, which would
    otherwise be this check. Raises `OutputError` with the remedy if no window can be opened.
    """
    framework = cv2.currentUIFramework()
    if not framework:
        raise OutputError(
            "kiosk: no window can open: the system libraries for windows were missing during the installation; "
            f"{_INSTALL}, then rm -r .venv and start it again"
        )
    if not sys.platform.startswith("linux") or (framework != "QT" and environment.get("WAYLAND_DISPLAY")):
        yield None
        return
    name = environment.get("DISPLAY", "")
    if not name:
        raise OutputError("kiosk: no screen: start it in a desktop session, or set DISPLAY to an X server (DISPLAY=:0)")
    _check_qt(environment)
    x11 = _x11()
    connection = x11.XOpenDisplay(name.encode())
    if not connection:
        raise OutputError(f"kiosk: the X server {name} does not respond; check DISPLAY and its access control (xhost)")
    try:
        yield XScreen(x11, connection)
    finally:
        x11.XCloseDisplay(connection)


class XScreen:
    """An X screen whose connection is open."""

    def __init__(self, x11: ctypes.CDLL, connection: int) -> None:
        self._x11, self._connection = x11, connection
        self._number = x11.XDefaultScreen(connection)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (
            self._x11.XDisplayWidth(self._connection, self._number),
            self._x11.XDisplayHeight(self._connection, self._number),
        )

    def colour_at(self, x: int, y: int) -> Bgr | None:
        """Return the colour (B, G, R) of a pixel of a true-colour screen, None outside it or if it cannot be read."""
        width, height = self.size_px
        if not (0 <= x < width and 0 <= y < height):
            return None
        root = self._x11.XRootWindow(self._connection, self._number)
        image = self._x11.XGetImage(self._connection, root, x, y, 1, 1, _ALL_PLANES, _BY_PIXEL)
        if not image:
            return None
        value = self._x11.XGetPixel(image, 0, 0)
        self._x11.XDestroyImage(image)
        return value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF


def quieten_qt() -> None:
    """Make Qt use the bundled fonts, so that it does not warn that OpenCV's wheel contains none."""
    os.environ["QT_QPA_FONTDIR"] = str(FONTS)
    os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;qt.qpa.*=false")


def _check_qt(environment: Mapping[str, str]) -> None:
    """Load the plug-in that Qt would load; the error names the missing system library."""
    folder = environment.get("QT_QPA_PLATFORM_PLUGIN_PATH")
    plugin = Path(folder or "") / "platforms" / "libqxcb.so"
    if folder and plugin.is_file():
        _load(str(plugin))


def _x11() -> ctypes.CDLL:
    x11 = _load("libX11.so.6")
    pointer, number, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint
    for name, result, arguments in (
        ("XOpenDisplay", pointer, [ctypes.c_char_p]),
        ("XCloseDisplay", number, [pointer]),
        ("XDefaultScreen", number, [pointer]),
        ("XDisplayWidth", number, [pointer, number]),
        ("XDisplayHeight", number, [pointer, number]),
        ("XRootWindow", ctypes.c_ulong, [pointer, number]),
        ("XGetImage", pointer, [pointer, ctypes.c_ulong, number, number, size, size, ctypes.c_ulong, number]),
        ("XGetPixel", ctypes.c_ulong, [pointer, number, number]),
        ("XDestroyImage", number, [pointer]),
    ):
        function = getattr(x11, name)
        function.restype, function.argtypes = result, arguments
    return x11


def _load(library: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(library)
    except OSError as error:
        raise OutputError(f"kiosk: no window can open: {error}; {_INSTALL}") from error

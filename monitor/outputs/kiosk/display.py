"""Whether a window can open here, asked before OpenCV tries: Qt ends the whole process where it cannot."""

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2

from monitor.domain.errors import OutputError
from monitor.outputs.kiosk.lettering import FONTS

_PACKAGES = "on Debian: apt install libgl1 libglib2.0-0 libsm6 libxext6"


@contextmanager
def opened_display(environment: Mapping[str, str] = os.environ) -> Iterator[tuple[int, int] | None]:
    """Make sure that a window can be opened, and give the screen's width and height in pixels (None: not told).

    The connection stays open meanwhile: a bare X server starts anew when its last client leaves, which would otherwise
    be this very question. Raises `OutputError` that says what to do where no window can be opened.
    """
    framework = cv2.currentUIFramework()
    if not framework:
        raise OutputError("kiosk: this OpenCV cannot open windows; install opencv-python, not opencv-python-headless")
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
        raise OutputError(f"kiosk: the X server {name} does not answer; check DISPLAY and who may use it (xhost)")
    try:
        number = x11.XDefaultScreen(connection)
        yield x11.XDisplayWidth(connection, number), x11.XDisplayHeight(connection, number)
    finally:
        x11.XCloseDisplay(connection)


def quieten_qt() -> None:
    """Keep Qt from warning that OpenCV's wheel brings no fonts: it is to use ours, for the little text of its own."""
    os.environ["QT_QPA_FONTDIR"] = str(FONTS)
    os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;qt.qpa.*=false")


def _check_qt(environment: Mapping[str, str]) -> None:
    """Load the plug-in that Qt would load, which names the system library that is missing."""
    folder = environment.get("QT_QPA_PLATFORM_PLUGIN_PATH")
    plugin = Path(folder or "") / "platforms" / "libqxcb.so"
    if folder and plugin.is_file():
        _load(str(plugin))


def _x11() -> ctypes.CDLL:
    x11 = _load("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    for function in (x11.XDefaultScreen, x11.XCloseDisplay):
        function.argtypes = [ctypes.c_void_p]
    for function in (x11.XDisplayWidth, x11.XDisplayHeight):
        function.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return x11


def _load(library: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(library)
    except OSError as error:
        raise OutputError(f"kiosk: no window can open: {error}; {_PACKAGES}") from error

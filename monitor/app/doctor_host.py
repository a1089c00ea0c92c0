"""Checks of the computer: the interpreter, the libraries and the clock."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from monitor.app.findings import Finding, State, failed, ok, warning
from monitor.domain.errors import ModelError, MonitorError, OutputError, SourceError

#: A clock that shows a year outside this range is wrong.
_YEARS = range(2025, 2100)

#: Seconds that the time of day may drift from the monotonic clock while the checks run.
_CLOCK_SLIP_S = 0.5

#: Seconds to wait for another program.
_PROGRAM_S = 5.0


def python_and_libraries() -> Iterator[Finding]:
    """Check the interpreter and the libraries that are needed, by loading them."""
    yield ok("Python", f"{platform.python_version()} at {sys.executable}")
    yield _opencv()
    yield _library("LiteRT", "ai_edge_litert.interpreter", "ai-edge-litert", ModelError)
    pyav = _library("PyAV", "av", "av", SourceError)
    yield pyav
    if pyav.state is State.OK:
        yield _encoder()
    if importlib.util.find_spec("tensorflow") is None:
        yield ok("TensorFlow", "not installed; only GPUs and models without a TFLite export need it")
    else:
        yield ok("TensorFlow", importlib.metadata.version("tensorflow"))


def _library(check: str, module: str, package: str, kind: type[MonitorError]) -> Finding:
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:
        return failed(check, kind, f"cannot be loaded: {error}", "Run: pip install -r requirements.txt")
    return ok(check, importlib.metadata.version(package))


def _encoder() -> Finding:
    import av

    if "libx264" in av.codecs_available:
        return ok("H.264 encoder", "libx264, for annotated videos")
    remedy = "Reinstall PyAV from its wheel: pip install -r requirements.txt"
    return failed("H.264 encoder", OutputError, "this build of PyAV has no libx264", remedy)


def _opencv() -> Finding:
    try:
        import cv2
    except (ImportError, OSError) as error:
        remedy = (
            "Install the libraries it names (Debian: apt install libgl1 libglib2.0-0 libxcb1), or reinstall OpenCV."
        )
        return failed("OpenCV", SourceError, f"cannot be loaded: {error}", remedy)
    toolkit = cv2.currentUIFramework()
    if not toolkit:
        remedy = "Only the kiosk needs one: pip install opencv-python instead of opencv-python-headless."
        return warning("OpenCV", f"{cv2.__version__}, cannot open windows", remedy)
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return ok("OpenCV", f"{cv2.__version__}, windows with {toolkit}; this session has no display for the kiosk")
    return ok("OpenCV", f"{cv2.__version__}, windows with {toolkit}")


def time_of_day(now: datetime, slip_s: float) -> Iterator[Finding]:
    """Check the clock of all timestamps; `slip_s` is how far it moved against the monotonic clock, in seconds."""
    local = now.astimezone()
    if now.year not in _YEARS:
        yield failed("clock", OutputError, f"shows {now:%Y-%m-%d %H:%M} UTC", "Set the clock, and switch on NTP.")
    elif abs(slip_s) > _CLOCK_SLIP_S:
        detail = f"was set by {slip_s:+.1f} s during these checks"
        yield warning("clock", detail, "Let only one program set the clock, gradually: chrony or systemd-timesyncd.")
    else:
        yield _synchronisation(f"{now:%Y-%m-%d %H:%M} UTC")
    if os.environ.get("TZ") or Path("/etc/localtime").exists():
        yield ok("time zone", f"{local.tzname()}, UTC{local:%z}")
    else:
        remedy = "Set one: timedatectl set-timezone AREA/CITY, or the environment variable TZ."
        yield warning("time zone", "none is set; local times are UTC", remedy)


def _synchronisation(now: str) -> Finding:
    try:
        command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROGRAM_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ok("clock", f"{now}; its NTP synchronisation cannot be read")
    if done.stdout.strip() == "yes":
        return ok("clock", f"{now}, synchronised by NTP")
    return warning("clock", f"{now}, not synchronised", "Switch on NTP: timedatectl set-ntp true")

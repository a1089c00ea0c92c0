"""The kiosk's window on a virtual screen: what it shows, what its keys do, how it ends."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from monitor.outputs.kiosk.pictograms import PAINTS
from monitor.outputs.kiosk.texts import load_texts
from monitor.rules.kiosk import Verdict
from tests.e2e.commands import environment

WIDTH, HEIGHT = 1280, 800

for tool in ("Xvfb", "xdotool"):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed", allow_module_level=True)

#: Shows a camera whose state is a word in a file: a mask state, `nobody`, `frozen` or a condition.
PROGRAM = """
import signal, sys, threading
from pathlib import Path
from monitor.config.kiosk import KioskSettings
from monitor.domain.clock import SystemClock
from monitor.domain.detection import MaskState
from monitor.domain.errors import MonitorError
from monitor.domain.health import CameraStatus, Condition, Health
from monitor.outputs.kiosk.window import KioskWindow
from tests.fakes import analysis, noise, track

folder, clock, stop = Path(sys.argv[1]), SystemClock(), threading.Event()
image, frozen_s = noise(360, 640), clock.monotonic_s()

def read():
    word = (folder / "word").read_text()
    condition = Condition(word) if word in list(Condition) else Condition.LIVE
    people = [track(MaskState(word))] if word in list(MaskState) else []
    now_s = frozen_s if word == "frozen" else clock.monotonic_s()
    if word == "frozen":
        people = [track(MaskState.WITH_MASK)]
    judged = analysis(image, *people, time_s=now_s, index=int(now_s * 10))
    return CameraStatus("Entrance", Health(condition, 0.0), judged)

signal.signal(signal.SIGTERM, lambda *_: stop.set())
settings = KioskSettings(language="en", fullscreen="window" not in sys.argv)
try:
    KioskWindow(settings, read, clock, folder / "saved", stop).run()
except MonitorError as error:
    sys.exit(f"error: {error}")
print("ended", threading.active_count(), flush=True)
"""


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator["XScreen"]:
    folder = tmp_path_factory.mktemp("xvfb")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(folder)]
    with subprocess.Popen(
        [*command, "-noreset", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        try:
            yield XScreen(f":{number}", folder / "Xvfb_screen0")
        finally:
            server.terminate()


@dataclass(frozen=True)
class XScreen:
    """A virtual screen, whose memory is a file in X's dump format."""

    display: str
    memory: Path

    def picture(self) -> np.ndarray:
        data = self.memory.read_bytes()
        header = np.frombuffer(data, ">u4", 25)
        offset = int(header[0] + 12 * header[19])  # behind the header stands the table of colours
        rows = np.frombuffer(data, np.uint8, int(header[5] * header[12]), offset)
        return rows.reshape(header[5], header[12] // 4, 4)[:, : header[4], :3]

    def share_of(self, verdict: Verdict) -> float:
        return float((self.picture() == PAINTS[verdict].ground).all(axis=2).mean())


class Kiosk:
    """The window in a process of its own."""

    def __init__(self, screen: XScreen, folder: Path, *options: str) -> None:
        self.screen, self.folder = screen, folder
        self.say("nobody")
        self._environment = environment(DISPLAY=screen.display)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(folder), *options],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, word: str) -> None:
        new = self.folder / "word.new"
        new.write_text(word, "utf-8")
        new.replace(self.folder / "word")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 45
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, what
            time.sleep(0.05)

    def shows(self, verdict: Verdict, least: float = 0.3) -> None:
        self.until(lambda: self.screen.share_of(verdict) > least, f"{verdict} was never shown")

    def xdotool(self, *words: str) -> str:
        command = ["xdotool", *words]
        return subprocess.run(
            command, env=self._environment, check=True, timeout=20, stdout=subprocess.PIPE, text=True
        ).stdout

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def kiosk(screen: XScreen, tmp_path: Path) -> Iterator[Kiosk]:
    started = Kiosk(screen, tmp_path)
    yield started
    started.kill()


class ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, as long as its XEvent."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 12),
    ]


def ask_to_close(display: str, window: int) -> None:
    """Do what a window manager does when its cross is clicked."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    protocols, delete = (x11.XInternAtom(connection, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    message = ClientMessage(type=33, window=window, message_type=protocols, format=32)
    message.data[0] = delete
    x11.XSendEvent(connection, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(message))
    x11.XCloseDisplay(connection)


WELL_ENDED = (0, "ended 1\n", "")


def test_verdicts_fill_the_screen_and_keys_do_what_they_say(kiosk, screen, tmp_path):
    kiosk.shows(Verdict.IDLE)
    for word, verdict in (
        ("with_mask", Verdict.GO),
        ("without_mask", Verdict.PUT_ON),
        ("incorrect", Verdict.COVER),
        ("unknown", Verdict.WAIT),
        ("lost", Verdict.OUT_OF_ORDER),
        ("starting", Verdict.STARTING),
        ("with_mask", Verdict.GO),
        ("frozen", Verdict.OUT_OF_ORDER),
    ):
        kiosk.say(word)
        kiosk.shows(verdict)
        if verdict is not Verdict.GO:
            assert screen.share_of(Verdict.GO) < 0.01

    kiosk.say("nobody")
    kiosk.shows(Verdict.IDLE)
    words = slice(int(0.72 * HEIGHT), None)
    english = screen.picture()[words].copy()
    kiosk.xdotool("key", "l")
    kiosk.until(lambda: not np.array_equal(screen.picture()[words], english), "the language stayed")
    for _ in range(len(load_texts()) - 1):
        time.sleep(0.15)
        kiosk.xdotool("key", "l")
    kiosk.until(lambda: np.array_equal(screen.picture()[words], english), "English never came back")

    kiosk.xdotool("key", "s")
    kiosk.until(lambda: any((tmp_path / "saved").glob("kiosk-*Z.png")), "nothing was saved")
    saved = [cv2.imread(str(path)) for path in (tmp_path / "saved").glob("*.png")]
    assert [image.shape for image in saved] == [(HEIGHT, WIDTH, 3)]
    assert (saved[0] == PAINTS[Verdict.IDLE].ground).all(axis=2).mean() > 0.3

    kiosk.xdotool("key", "f")
    kiosk.until(lambda: not screen.picture()[-40:].any(), "the window stayed as large as the screen")
    kiosk.xdotool("key", "q")
    assert kiosk.ended() == WELL_ENDED


def test_escape_ends_it(kiosk):
    kiosk.shows(Verdict.IDLE)
    kiosk.xdotool("key", "Escape")
    assert kiosk.ended() == WELL_ENDED


def test_closing_the_window_ends_it(screen, tmp_path):
    kiosk = Kiosk(screen, tmp_path, "window")
    try:
        kiosk.shows(Verdict.IDLE, least=0.2)
        ask_to_close(screen.display, int(kiosk.xdotool("search", "--name", "Mask Monitor")))
        assert kiosk.ended() == WELL_ENDED
    finally:
        kiosk.kill()


def test_being_told_to_stop_ends_it(kiosk):
    kiosk.shows(Verdict.IDLE)
    kiosk.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert kiosk.ended() == WELL_ENDED
    assert time.monotonic() - started < 3


def test_a_screen_that_cannot_be_saved_is_told_and_harms_nothing(kiosk, tmp_path):
    (tmp_path / "saved").write_text("a file where the folder should be", "utf-8")
    kiosk.shows(Verdict.IDLE)
    kiosk.xdotool("key", "s")
    kiosk.say("with_mask")
    kiosk.shows(Verdict.GO)
    kiosk.xdotool("key", "q")
    code, out, err = kiosk.ended()
    assert (code, out) == WELL_ENDED[:2]
    assert "saved: cannot be written to" in err


@pytest.mark.parametrize("display", ["", ":9876"])
def test_without_a_screen_one_line_says_what_to_do(tmp_path, display):
    (tmp_path / "word").write_text("nobody", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=environment(DISPLAY=display, WAYLAND_DISPLAY=""),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: kiosk: ")

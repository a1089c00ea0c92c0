"""`monitor kiosk`, the command itself, on a virtual screen: a camera on show, and how it ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml

from monitor.outputs.kiosk.layout import lay_out
from monitor.rules.kiosk import Verdict
from tests.conftest import PROJECT
from tests.e2e import test_kiosk_window as window
from tests.e2e.commands import ask, environment, names, refused, run
from tests.live.servers import listening

screen = window.screen

#: Pictures are compared this small: (width, height).
SMALL = (64, 36)
#: The mean difference of grey values below which two small pictures show the same: the boxes round faces make 2 to 5.
SAME = 8.0
#: So many frames further on a picture is another one, whatever its age and the boxes make of it.
MOVED = 10
#: A stop takes less than 3 s; the machine may be busy with other things.
STOPS_S = 6.0


def configure(folder: Path, **cameras: dict) -> None:
    values = {
        "detector": {"model": str(PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256")},
        "web": {"enabled": False},
        "cameras": cameras,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")  # the order of cameras counts


class Command(window.Kiosk):
    """`monitor kiosk` in a process of its own, run where its configuration lies."""

    def __init__(self, screen: window.XScreen, folder: Path, *options: str) -> None:
        self.screen, self.folder = screen, folder
        self._environment = environment(DISPLAY=screen.display)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "kiosk", *options],
            cwd=folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fills_the_screen(self) -> None:
        """Wait until the window has become as large as the screen, which moves what is in it."""
        self.until(lambda: bool(self.screen.picture()[-40:].any()), "the window stayed smaller than the screen")

    def picture(self) -> np.ndarray:
        """Return the camera's picture as the screen shows it, small."""
        area = lay_out(window.WIDTH, window.HEIGHT, 16, 9).picture
        return small(self.screen.picture()[area.top : area.bottom, area.left : area.right])

    def ends_well(self) -> None:
        """Hold it to ending in time, with a journal in which everything has its end."""
        started = time.monotonic()
        code, out, err = self.ended()
        assert time.monotonic() - started < STOPS_S
        assert (code, out) == (0, ""), err
        assert "Traceback" not in err
        assert "INFO    stopped" in err.splitlines()[-1]
        journal = self.folder / "recordings" / "live" / "journal.db"
        assert ask(journal, "PRAGMA integrity_check") == [("ok",)]
        kinds = ask(journal, "SELECT kind FROM source_events WHERE source_id = 'entrance' ORDER BY id")
        assert (kinds[0], kinds[-1]) == (("opened",), ("ended",))
        assert ask(journal, "SELECT count(*) FROM incidents WHERE closed_s IS NULL") == [(0,)]


def small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), SMALL, interpolation=cv2.INTER_AREA).astype(np.float32)


@pytest.fixture(scope="module")
def frames(sample: Path) -> np.ndarray:
    """The bundled recording's frames, as a mirror shows them, small."""
    with av.open(str(sample)) as video:
        shrunk = [frame.reformat(*SMALL, "bgr24").to_ndarray() for frame in video.decode(video=0)]
    return np.stack([small(image[:, ::-1]) for image in shrunk])


@pytest.fixture
def kiosk(screen: window.XScreen, sample: Path, tmp_path: Path) -> Iterator[Command]:
    """A kiosk that shows the second of two cameras; the first one's open hangs."""
    with listening() as port:
        hung = {"source": f"rtsp://127.0.0.1:{port}/cam", "capture": {"open_timeout_s": 20}}
        configure(tmp_path, hung=hung, entrance={"source": str(sample), "capture": {"loop": True}})
        started = Command(screen, tmp_path, "--camera", "entrance")
        try:
            yield started
        finally:
            started.kill()


def test_the_camera_is_shown_as_it_is_now_and_its_people_are_judged(kiosk, frames, tmp_path):
    """In the recording people without a mask come first, then some with one."""

    def shown() -> tuple[float, int]:
        """Return how far the picture is from the recording's nearest frame, and which that is."""
        distances = np.abs(frames - kiosk.picture()).mean(axis=(1, 2))
        return float(distances.min()), int(distances.argmin())

    kiosk.shows(Verdict.PUT_ON)
    kiosk.fills_the_screen()
    kiosk.until(lambda: shown()[0] < SAME, "the picture is not one of the recording's")
    _, first = shown()
    kiosk.until(lambda: abs(shown()[1] - first) > MOVED and shown()[0] < SAME, "the picture stands still")
    kiosk.shows(Verdict.GO)
    kiosk.xdotool("key", "s")
    kiosk.until(lambda: any((tmp_path / "recordings" / "kiosk").glob("kiosk-*Z.png")), "nothing was saved")
    kiosk.xdotool("key", "q")
    kiosk.ends_well()
    journal = tmp_path / "recordings" / "live" / "journal.db"
    assert ask(journal, "SELECT count(*) > 0 FROM visits WHERE source_id = 'entrance'") == [(1,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_it_as_it_ends_run(kiosk, number):
    """A service manager's stop and Ctrl-C, which leave with 0 as they do from `monitor run`."""
    kiosk.shows(Verdict.PUT_ON)
    kiosk.process.send_signal(number)
    kiosk.ends_well()


def test_a_camera_that_is_not_configured_is_told_before_anything_starts(tmp_path, sample):
    configure(tmp_path, entrance={"source": str(sample), "capture": {"loop": True}}, gate={"source": "0"})
    done = run("kiosk", "--camera", "attic", cwd=tmp_path)
    refused(done, 3, "kiosk: there is no camera 'attic'", "entrance, gate")
    assert names(tmp_path) == {"config.yaml"}


def test_a_configuration_without_a_camera_is_told(tmp_path):
    configure(tmp_path)
    refused(run("kiosk", cwd=tmp_path), 3, "names no camera")


def test_without_a_screen_the_monitor_ends_too(tmp_path, sample):
    configure(tmp_path, entrance={"source": str(sample), "capture": {"loop": True}})
    done = run("kiosk", cwd=tmp_path, DISPLAY="", WAYLAND_DISPLAY="")
    assert done.code == 6, done.err
    assert "Traceback" not in done.err
    assert done.lines[-1].startswith("error: kiosk: no screen: ")

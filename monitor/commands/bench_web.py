"""`monitor bench web`."""

import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from monitor.app.replaying import camera_for, default_recording
from monitor.app.watching import build_live, inference_for, live_database, live_folder, open_first, run_of
from monitor.app.web_server import WebServer, model_of
from monitor.bench.browser import browser, listen, wait_for_pictures
from monitor.bench.clips import make_clip
from monitor.bench.hostile import connections, slow_viewers
from monitor.bench.live import Window, watch
from monitor.bench.web import Viewers, Watched, fall, figures, page_times, rate, viewers
from monitor.commands.bench_web_table import show
from monitor.commands.show import notes, print_json
from monitor.config.capture import CaptureSettings
from monitor.config.journal import OutputSettings
from monitor.config.settings import Settings
from monitor.config.web import PhotoSettings, WebSettings
from monitor.domain.address import SourceAddress
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.pipeline.monitor import Monitor
from monitor.pipeline.process import memory_mb
from monitor.storage.files import make_folder

#: After the start, and after viewers came or went: until rates are what they will be.
_SETTLE_S, _TURN_S = 8.0, 2.0
_STARTING_S = 60.0
_LONGEST_S = 3600.0
_ENDING_S = 5.0

#: Who takes nothing should be gone after so long.
_PATIENCE_S = 60.0

#: No limit for who sends pictures: they are to be read, not turned away at the door.
_PHOTOS = PhotoSettings(per_minute=6000)

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class Load:
    """What is put on the monitor: cameras that play a clip, viewers of all of them, and those who mean no good."""

    cameras: int
    size: tuple[int, int]
    fps: int
    detect_fps: float
    viewers: int
    width_px: int
    slow: int
    tries: int
    requests: int
    browser: Path | None

    @property
    def names(self) -> list[str]:
        """The cameras' names."""
        return [f"camera-{number:02d}" for number in range(1, self.cameras + 1)]


def bench_web(
    settings: Settings, video: Path | None, load: Load, *, seconds: float, rounds: int, as_json: bool
) -> None:
    """Play a clip as cameras through the live monitor with its pages, watch it, and print what that costs."""
    video = video or default_recording(settings)
    logging.getLogger("monitor").addHandler(logging.NullHandler())  # what the cameras say is in the figures
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(video, clip, *load.size, load.fps)
        with _Bench(settings, clip, Path(folder) / "results", load, seconds).running() as bench:
            values = bench.watched(rounds)
            if load.browser is not None:
                values["browser"] = bench.in_a_browser(load.browser)
            if load.slow:
                values["slow_viewers"] = bench.beside_slow_viewers(rounds)
            if load.tries:
                values["logins"] = bench.beside_logins(load.tries)
            if load.requests:
                values["requests"] = bench.beside_requests(load.requests)
            values["pages"] = bench.pages()
    if as_json:
        print_json(values)
    else:
        show(values)


class _Bench:
    """One live monitor with its pages, measured while this and that happens to it."""

    def __init__(self, settings: Settings, clip: Path, folder: Path, load: Load, seconds: float) -> None:
        self._load = load
        self._clip = clip
        self._seconds = seconds
        self._clock = SystemClock()
        camera = camera_for(settings, SourceAddress(str(clip))).model_copy(
            update={"detect_fps": load.detect_fps, "capture": CaptureSettings(loop=True)}
        )
        self._settings = settings.model_copy(
            update={
                "output": OutputSettings(folder=folder),
                "web": WebSettings(port=0, photo=_PHOTOS),
                "cameras": dict.fromkeys(load.names, camera),
            }
        )
        self._live: Monitor
        self._web_server: WebServer

    @contextmanager
    def running(self) -> Iterator["_Bench"]:
        """Run the monitor meanwhile."""
        settings, folder = self._settings, live_folder(self._settings)
        make_folder(folder)
        database = live_database(settings)
        first = open_first(settings.detector)
        model = model_of(first)
        web_server = self._web_server = WebServer(settings.web, folder, database, self._clock)
        run = run_of(settings, first, self._clock)
        live = self._live = build_live(settings, run, database, self._clock)
        live.start(settings.cameras, inference_for(settings.detector, first))
        try:
            web_server.start(live, run.started_at, lambda: settings, lambda: model)
            self._wait_for_pages()
            live.stopped.wait(_SETTLE_S)
            yield self
        finally:
            web_server.ask_stop()
            try:
                live.stop()
            finally:
                web_server.join(_ENDING_S)
        if stuck := live.running() + web_server.running():
            raise SourceError(f"{self._clip}: still at work after the end: {', '.join(stuck)}")

    def watched(self, rounds: int) -> dict[str, Any]:
        """Measure in turn without and with viewers."""
        load, without, watched = self._load, [self._alone()], []
        for _ in range(rounds):
            with viewers(self._web_server.url, load.viewers, load.width_px, load.names) as crowd:
                self._live.stopped.wait(_TURN_S)
                watched.append(self._with(crowd))
            without.append(self._alone())
            looks = watched[-1].window
            notes.print(
                f"{load.cameras} camera(s): {rate(without[-1]):.1f} analyses per second without viewers, "
                f"{rate(looks):.1f} with {load.viewers}"
            )
        about = {
            "cameras": load.cameras,
            "size": "x".join(map(str, load.size)),
            "fps": load.fps,
            "detect_fps": load.detect_fps,
            "viewers": load.viewers,
            "width_px": load.width_px,
            "seconds": self._seconds,
            "rounds": rounds,
        }
        return about | figures(without, watched)

    def in_a_browser(self, executable: Path) -> dict[str, Any]:
        """Measure while a real browser shows the desk."""
        before = self._alone()
        with browser(executable, self._web_server.url):
            opened_s = wait_for_pictures(self._web_server.url)
            self._live.stopped.wait(_TURN_S)
            beside, said = self._beside(lambda: listen(self._web_server.url, self._seconds))
        return {"first_said_s": round(opened_s, 1), **said, "analyses_ratio": fall([before, self._alone()], [beside])}

    def beside_slow_viewers(self, rounds: int) -> dict[str, Any]:
        """Measure beside viewers that ask for everything and never read; memory after each round tells of growth."""
        load, without, beside, left, let_go_s = self._load, [self._alone()], [], 0, 0.0
        after_mb = [memory_mb()]
        for _ in range(rounds):
            with slow_viewers(self._web_server.url, load.slow, load.width_px, load.names):
                began_s = self._clock.monotonic_s()
                beside.append(self._window())
                while True:
                    left, let_go_s = connections(self._web_server.url), self._clock.monotonic_s() - began_s
                    if not left or let_go_s > _PATIENCE_S:
                        break
                    self._live.stopped.wait(0.5)
            without.append(self._alone())
            after_mb.append(memory_mb())
        return {
            "viewers": load.slow,
            "analyses_ratio": fall(without, beside),
            "still_connected": left,
            "let_go_within_s": round(let_go_s, 1),
            "memory_growth_mb": round(max(max(window.memory_mb) for window in beside) - after_mb[0], 1),
            "memory_growth_after_mb": [round(each - after_mb[0], 1) for each in after_mb[1:]],
        }

    def beside_logins(self, tries: int) -> dict[str, Any]:
        """Measure beside tries to log in, as fast as they are answered."""
        began = time.perf_counter()
        codes, beside = self._beside_command("monitor.bench.hostile", tries)
        took_s = time.perf_counter() - began
        return {"tries": tries, "answered_per_s": round(tries / took_s, 1), "codes": codes} | beside

    def beside_requests(self, each: int) -> dict[str, Any]:
        """Measure beside random requests to every address, bombs and uploads without end."""
        self._run("monitor.bench.bodies", 1)  # what the first ones make it load is no growth
        answered, beside = self._beside_command("monitor.bench.bodies", each)
        return {"each": each, **answered, **beside}

    def _beside_command(self, module: str, count: int) -> tuple[Any, dict[str, Any]]:
        """Run a module in a process of its own; return what it printed, and what that did to the monitor."""
        before, before_mb = self._alone(), memory_mb()
        beside, printed = self._beside(lambda: self._run(module, count))
        ratio = fall([before, self._alone()], [beside])
        return printed, {
            "analyses_ratio": ratio,
            "memory_growth_mb": round(max(beside.memory_mb) - before_mb, 1),
            "memory_growth_after_mb": round(memory_mb() - before_mb, 1),
        }

    def _run(self, module: str, count: int) -> Any:
        command = [sys.executable, "-m", module, self._web_server.url, str(count)]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)

    def _beside(self, doing: Callable[[], _Done]) -> tuple[Window, _Done]:
        """Measure for as long as something takes."""
        stop, windows = threading.Event(), list[Window]()

        def measure() -> None:
            windows.append(watch(self._live, self._load.names, _LONGEST_S, self._clock, stop))

        thread = threading.Thread(target=measure, name="measure")
        thread.start()
        try:
            done = doing()
        finally:
            stop.set()
            thread.join()
        return windows[0], done

    def pages(self) -> dict[str, dict[str, Any]]:
        """Ask for each page while nobody else does."""
        first = self._load.names[0]
        paths = ["/", f"/cameras/{first}", "/incidents", "/statistics", "/health", "/settings", "/photo"]
        return page_times(self._web_server.url, [*paths, f"/kiosk/{first}", "/docs"])

    def _alone(self) -> Window:
        self._live.stopped.wait(_TURN_S)
        return self._window()

    def _with(self, crowd: Viewers) -> Watched:
        encoded = self._encoded()
        crowd.begin()
        window = self._window()
        return Watched(window, self._encoded() - encoded, crowd.end())

    def _window(self) -> Window:
        return watch(self._live, self._load.names, self._seconds, self._clock, self._live.stopped)

    def _encoded(self) -> int:
        return self._web_server.encoded()

    def _wait_for_pages(self) -> None:
        deadline_s = self._clock.monotonic_s() + _STARTING_S
        while not self._live.stopped.is_set():
            connection = HTTPConnection(urlsplit(self._web_server.url).netloc, timeout=_STARTING_S)
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except (OSError, HTTPException) as error:
                if self._clock.monotonic_s() > deadline_s:
                    raise SourceError(f"{self._web_server.url}: the pages do not come up") from error
                self._live.stopped.wait(0.1)
            else:
                return
            finally:
                connection.close()

"""`monitor bench web`."""

import logging
import tempfile
import threading
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
from monitor.bench.clips import make_clip
from monitor.bench.live import Window, watch
from monitor.bench.web import Viewers, Watched, figures, page_times, rate, viewers
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
from monitor.storage.files import make_folder

#: Seconds until the rates settle: after the start, and after viewers connect or disconnect.
_SETTLE_S, _TURN_S = 8.0, 2.0
_STARTING_S = 60.0
_LONGEST_S = 3600.0
_ENDING_S = 5.0

#: A limit that the load on the photo page does not reach.
_PHOTOS = PhotoSettings(per_minute=6000)

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class WebLoad:
    """The load on the monitor: cameras that play a clip, and viewers of all of them."""

    cameras: int
    size: tuple[int, int]
    fps: int
    detect_fps: float
    viewers: int
    width_px: int

    @property
    def names(self) -> list[str]:
        """The cameras' names."""
        return [f"camera-{number:02d}" for number in range(1, self.cameras + 1)]


def bench_web(
    settings: Settings, video: Path | None, load: WebLoad, *, seconds: float, rounds: int, as_json: bool
) -> None:
    """Play a clip as cameras through the live monitor with its pages, watch it, and print the cost."""
    with running_bench(settings, video, load, seconds) as bench:
        values = bench.watched(rounds)
        values["pages"] = bench.pages()
    if as_json:
        print_json(values)
    else:
        show(values)


@contextmanager
def running_bench(settings: Settings, video: Path | None, load: WebLoad, seconds: float) -> Iterator["WebBench"]:
    """Yield a live monitor with its pages on a clip of a recording; each measurement takes `seconds`."""
    logging.getLogger("monitor").addHandler(logging.NullHandler())  # the figures contain what the cameras report
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(video or default_recording(settings), clip, *load.size, load.fps)
        with WebBench(settings, clip, Path(folder) / "results", load, seconds).running() as bench:
            yield bench


class WebBench:
    """One live monitor with its pages, measured with and without load on them."""

    def __init__(self, settings: Settings, clip: Path, folder: Path, load: WebLoad, seconds: float) -> None:
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
    def running(self) -> Iterator["WebBench"]:
        """Run the monitor in the background."""
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
            web_server.start(live, run.info.started_at, lambda: settings, lambda: model)
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
            raise SourceError(f"{self._clip}: still running after the end: {', '.join(stuck)}")

    @property
    def url(self) -> str:
        """The address of the pages."""
        return self._web_server.url

    def wait(self, seconds: float) -> None:
        """Wait for so many seconds, or until the monitor stops."""
        self._live.stopped.wait(seconds)

    def watched(self, rounds: int) -> dict[str, Any]:
        """Measure alternately without and with viewers, and return the figures."""
        load, without, watched = self._load, [self.alone()], []
        for _ in range(rounds):
            with viewers(self._web_server.url, load.viewers, load.width_px, load.names) as crowd:
                self._live.stopped.wait(_TURN_S)
                watched.append(self._with(crowd))
            without.append(self.alone())
            window = watched[-1].window
            notes.print(
                f"{load.cameras} camera(s): {rate(without[-1]):.1f} analyses per second without viewers, "
                f"{rate(window):.1f} with {load.viewers}"
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

    def beside(self, load: Callable[[], _Done]) -> tuple[Window, _Done]:
        """Measure while `load` runs, and return the measurement and its result."""
        stop, windows = threading.Event(), list[Window]()

        def measure() -> None:
            windows.append(watch(self._live, self._load.names, _LONGEST_S, self._clock, stop))

        thread = threading.Thread(target=measure, name="measure")
        thread.start()
        try:
            done = load()
        finally:
            stop.set()
            thread.join()
        return windows[0], done

    def pages(self) -> dict[str, dict[str, Any]]:
        """Request each page while there is no other load, and return the times by path."""
        first = self._load.names[0]
        paths = ["/", f"/cameras/{first}", "/incidents", "/statistics", "/health", "/settings", "/photo"]
        return page_times(self._web_server.url, [*paths, f"/kiosk/{first}", "/docs"])

    def alone(self) -> Window:
        """Measure without any load on the pages."""
        self._live.stopped.wait(_TURN_S)
        return self.window()

    def _with(self, crowd: Viewers) -> Watched:
        encoded = self._encoded()
        crowd.begin()
        window = self.window()
        return Watched(window, self._encoded() - encoded, crowd.end())

    def window(self) -> Window:
        """Measure for the bench's number of seconds."""
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
                    raise SourceError(f"{self._web_server.url}: the pages are not served") from error
                self._live.stopped.wait(0.1)
            else:
                return
            finally:
                connection.close()

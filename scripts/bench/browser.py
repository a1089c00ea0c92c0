"""A real browser that shows the desk, and how old its pictures are by its own measure.

`scripts/bench/run browser --help` lists the options; the figures are printed as JSON.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.bench.web import fall
from monitor.commands.bench_web import WebLoad, running_bench
from monitor.config.settings import Settings
from monitor.domain.errors import SourceError
from scripts.bench.common import options, report

_OPENING_S, _ENDING_S, _EVERY_S = 60.0, 10.0, 1.0
_TIMEOUT_S = 30.0
_SETTLE_S = 2.0
_SIZE = "1920,1080"

#: With nothing of its own to do beside the page.
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_OPTIONS = ("--headless", "--remote-debugging-port=0", f"--window-size={_SIZE}", *QUIET)


def measure(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a stretch in which the browser shows the desk."""
    load = WebLoad(given.cameras, given.size, given.fps, given.detect_fps, viewers=1, width_px=320)
    with running_bench(settings, given.video, load, given.seconds) as bench:
        before = bench.alone()
        with browser(given.chromium, bench.url):
            opened_s = wait_for_pictures(bench.url)
            bench.wait(_SETTLE_S)
            beside, said = bench.beside(lambda: listen(bench.url, given.seconds))
        ratio = fall([before, bench.alone()], [beside])
    return {"cameras": given.cameras, "first_said_s": round(opened_s, 1), **said, "analyses_ratio": ratio}


@contextmanager
def browser(executable: Path, url: str) -> Iterator[None]:
    """Show a page in Chromium until the end; raises `SourceError` where it cannot be started."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(executable), *_OPTIONS, f"--user-data-dir={profile}", url]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium's own condition for running as root
        try:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise SourceError(f"{executable}: cannot be started: {error.strerror}") from error
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(_ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_pictures(url: str) -> float:
    """Return the seconds until a page that opens now has said how old its pictures are; raises `SourceError`."""
    began = time.monotonic()
    while not _seen(url):
        if time.monotonic() - began > _OPENING_S:
            raise SourceError(f"the browser shows no pictures of {url} after {_OPENING_S:g} s")
        time.sleep(0.05)
    return time.monotonic() - began


def listen(url: str, seconds: float) -> dict[str, Any]:
    """Return what the page says in so many seconds, as figures: ages in milliseconds, and pictures a second.

    It tells the monitor once a second, which shows it on the health page: `p95_ms` is the median of its seconds' 95th
    percentiles, `worst_second_p95_ms` the largest. Raises `SourceError` where it falls silent.
    """
    said, until_s = [], time.monotonic() + seconds
    while time.monotonic() < until_s:
        time.sleep(_EVERY_S)
        if (seen := _seen(url)) is None:
            raise SourceError(f"the browser has left {url}")
        said.append(seen)
    return {
        "p50_ms": statistics.median(each["p50_ms"] for each in said),
        "p95_ms": statistics.median(each["p95_ms"] for each in said),
        "worst_second_p95_ms": max(each["p95_ms"] for each in said),
        "pictures_per_s": statistics.median(each["per_s"] for each in said),
    }


def _seen(url: str) -> dict[str, float] | None:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)) as connection:
        connection.request("GET", "/api/v1/health")
        viewers = json.loads(connection.getresponse().read())["viewers"]
    return next((each for each in viewers if each["p95_ms"] is not None), None)


if __name__ == "__main__":
    parser = options("The live monitor while a real browser shows its desk.", cameras=16)
    parser.add_argument("--detect-fps", type=float, default=4.0, help="analyses per second of each camera")
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"), help="the browser's executable")
    report(parser.parse_args(), measure)

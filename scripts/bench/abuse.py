"""The live monitor next to viewers that never read, to attempts to log in, and to requests that no client would send.

`scripts/bench/run abuse --help` lists the options; the figures are printed as JSON.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from monitor.bench.web import fall
from monitor.commands.bench_web import WebBench, WebLoad, running_bench
from monitor.config.settings import Settings
from monitor.pipeline.process import memory_mb
from scripts.bench.common import options, positive, report
from scripts.bench.hostile import connections, slow_viewers

#: A viewer that takes nothing should be disconnected after so long.
_PATIENCE_S = 60.0


def measure(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of each kind of abuse that was asked for."""
    load = WebLoad(given.cameras, given.size, given.fps, given.detect_fps, viewers=1, width_px=given.width)
    values: dict[str, Any] = {"cameras": given.cameras}
    with running_bench(settings, given.video, load, given.seconds) as bench:
        if given.slow:
            values["slow_viewers"] = beside_slow_viewers(bench, load, given.slow, given.rounds)
        if given.logins:
            values["logins"] = beside_logins(bench, given.logins)
        if given.requests:
            values["requests"] = beside_requests(bench, given.requests)
    return values


def beside_slow_viewers(bench: WebBench, load: WebLoad, count: int, rounds: int) -> dict[str, Any]:
    """Measure next to viewers that ask for everything and never read; memory after each round shows growth."""
    without, beside, left, let_go_s = [bench.alone()], [], 0, 0.0
    after_mb = [memory_mb()]
    for _ in range(rounds):
        with slow_viewers(bench.url, count, load.width_px, load.names):
            began_s = time.monotonic()
            beside.append(bench.window())
            while True:
                left, let_go_s = connections(bench.url), time.monotonic() - began_s
                if not left or let_go_s > _PATIENCE_S:
                    break
                bench.wait(0.5)
        without.append(bench.alone())
        after_mb.append(memory_mb())
    return {
        "viewers": count,
        "analyses_ratio": fall(without, beside),
        "still_connected": left,
        "let_go_within_s": round(let_go_s, 1),
        "memory_growth_mb": round(max(max(window.memory_mb) for window in beside) - after_mb[0], 1),
        "memory_growth_after_mb": [round(each - after_mb[0], 1) for each in after_mb[1:]],
    }


def beside_logins(bench: WebBench, tries: int) -> dict[str, Any]:
    """Measure next to attempts to log in, as fast as they are answered."""
    began = time.perf_counter()
    codes, beside = _beside_command(bench, "scripts.bench.hostile", tries)
    took_s = time.perf_counter() - began
    return {"tries": tries, "answered_per_s": round(tries / took_s, 1), "codes": codes} | beside


def beside_requests(bench: WebBench, each: int) -> dict[str, Any]:
    """Measure next to random requests to every address, bombs and uploads without end."""
    _run(bench, "scripts.bench.bodies", 1)  # what the first ones load is not growth
    answered, beside = _beside_command(bench, "scripts.bench.bodies", each)
    return {"each": each, **answered, **beside}


def _beside_command(bench: WebBench, module: str, count: int) -> tuple[Any, dict[str, Any]]:
    """Run a module in a process of its own; return what it printed, and what that did to the monitor."""
    before, before_mb = bench.alone(), memory_mb()
    beside, printed = bench.beside(lambda: _run(bench, module, count))
    ratio = fall([before, bench.alone()], [beside])
    return printed, {
        "analyses_ratio": ratio,
        "memory_growth_mb": round(max(beside.memory_mb) - before_mb, 1),
        "memory_growth_after_mb": round(memory_mb() - before_mb, 1),
    }


def _run(bench: WebBench, module: str, count: int) -> Any:
    command = [sys.executable, "-m", module, bench.url, str(count)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


if __name__ == "__main__":
    parser = options(str(__doc__).split("\n", maxsplit=1)[0], cameras=16)
    parser.add_argument("--detect-fps", type=float, default=4.0, help="analyses per second of each camera")
    parser.add_argument("--width", type=positive, default=320, help="width of a viewer's pictures in pixels")
    parser.add_argument("--rounds", type=positive, default=3, help="how often to measure next to slow viewers")
    parser.add_argument("--slow", type=int, default=100, help="how many viewers that never read; 0: none")
    parser.add_argument("--logins", type=int, default=10_000, help="how many attempts to log in; 0: none")
    parser.add_argument(
        "--requests",
        type=int,
        default=1000,
        help="random requests to each address, followed by bombs and 200 MB uploads; 0: none",
    )
    report(parser.parse_args(), measure)

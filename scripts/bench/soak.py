"""The live monitor for a while among hostile cameras and neighbours: it stays as it is, and loses no row.

`scripts/soak --seconds 3600` runs `monitor run` on three healthy cameras, one that is dead and one that is hostile.
After a quiet start, neighbours attack the pages, the log's reader stalls, and the configuration is loaded again now and
then. At the end it is stopped, and its journal is held against its own numbers and its log. The exit code is 1 if a
limit was exceeded.
"""

import argparse
import contextlib
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from monitor.app.watching import live_database, live_folder
from monitor.bench.clips import make_clip
from monitor.config.loading import load_settings
from monitor.domain.account import Account, Role
from monitor.domain.clock import SystemClock
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import make_folder
from scripts.bench import soak_cameras
from scripts.bench.neighbours import Target, attacking
from scripts.bench.rows import logs_beside, lost_rows
from scripts.bench.soak_figures import figures
from scripts.bench.watched import Sample, WatchedMonitor

_PROJECT = Path(__file__).resolve().parents[2]
_SAMPLE = _PROJECT / "recordings" / "samples" / "entrance.mp4"
_HEALTHY = ("entrance", "hall", "yard")
_ALL = (*_HEALTHY, "dead", "hostile")
_SIZE = (960, 540)
_DETECT_FPS = 3

#: The quiet time before the attack, as a share of the whole, and at most so many seconds.
_QUIET, _MOST_QUIET_S = 0.2, 60.0
_MOST_SAMPLES = 1200
_RELOAD_EVERY_S = 4.0
_LOG_STALLS_S, _LOG_GOES_ON_S = 8.0, 4.0
_STARTS_S, _STOPS_S = 90.0, 10.0


def settings_of(clip: Path, yard: str, hostile: str) -> dict[str, Any]:
    """Return the configuration: incidents come soon and many, and what fails is tried again soon."""
    played = {"source": str(clip), "capture": {"loop": True}, "detect_fps": _DETECT_FPS}
    return {
        "detector": {"model": str(_PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256")},
        "capture": {"open_timeout_s": 3, "read_timeout_s": 2, "reconnect_max_s": 1},
        "rules": {"dwell_s": 0.2, "cooldown_s": 0},
        "web": {"port": 0},
        "cameras": {
            "entrance": played,
            "hall": played,
            "yard": {"source": yard, "detect_fps": _DETECT_FPS},
            "dead": {"source": "rtsp://127.0.0.1:1/", "required": False},
            "hostile": {"source": hostile, "required": False, "detect_fps": _DETECT_FPS},
        },
    }


def add_accounts(config: Path) -> str:
    """Add an account to guess the password of, and return a viewer's token."""
    settings = load_settings(config)
    make_folder(live_folder(settings))
    clock, database = SystemClock(), live_database(settings)
    accounts = AccountRepository(database(), clock)
    accounts.add(Account("ada", Role.ADMIN), "correct horse battery")
    token = accounts.add_token(Account("soak", Role.VIEWER), clock.utc_now() + timedelta(days=2))
    database().dispose()
    return token


@contextlib.contextmanager
def disturbing(monitor: WatchedMonitor, settings: Mapping[str, Any]) -> Iterator[None]:
    """Let the log's reader stall, and the configuration change, until the block ends."""
    stop = threading.Event()
    guest = {"guest": settings["cameras"]["hall"]}
    changes = itertools.cycle([
        dict(settings) | {"cameras": settings["cameras"] | guest},
        dict(settings) | {"cameras": {}},  # refused
        settings,
    ])  # fmt: skip

    def reload() -> None:
        while not stop.wait(_RELOAD_EVERY_S):
            monitor.configure(next(changes))
            monitor.reload()

    def stall() -> None:
        while not stop.wait(_LOG_GOES_ON_S):
            monitor.stall_log(stall=True)
            stop.wait(_LOG_STALLS_S)
            monitor.stall_log(stall=False)

    threads = [threading.Thread(target=reload, name="reload"), threading.Thread(target=stall, name="stall")]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        monitor.stall_log(stall=True)  # the stop must not wait for the reader either


def soak(seconds: float, folder: Path) -> dict[str, Any]:
    """Return the figures and the faults of a run; `folder` is empty at first."""
    clip = folder / "clip.mp4"
    make_clip(_SAMPLE, clip, *_SIZE, soak_cameras.FPS)
    jpegs = soak_cameras.pictures(clip)
    with contextlib.ExitStack() as stack:
        yard, hostile = (
            stack.enter_context(soak_cameras.serving(answer))
            for answer in (soak_cameras.healthy(jpegs), soak_cameras.hostile(jpegs))
        )
        settings = settings_of(clip, yard, hostile)
        (folder / "config.yaml").write_text(yaml.safe_dump(settings), "utf-8")
        token = add_accounts(folder / "config.yaml")
        monitor = WatchedMonitor(folder, settings)
        stack.callback(monitor.end)
        monitor.wait_for_pages()
        wait_until_live(monitor, token)
        quiet_s = min(_QUIET * seconds, _MOST_QUIET_S)
        quiet = list(samples(monitor, token, quiet_s, 1.0))
        target = Target("127.0.0.1", monitor.port, token, _ALL, jpegs[0])
        with attacking(target) as neighbours, disturbing(monitor, settings):
            attack = list(samples(monitor, token, seconds - quiet_s, max(0.5, seconds / _MOST_SAMPLES)))
        stopped_s = monitor.stop()
        lost = lost_rows(monitor.ask, logs_beside(monitor.journal))
        code = monitor.process.returncode
        monitor.end()
    found = figures(quiet, attack, _HEALTHY)
    faults = [*found.faults(), *neighbours.failures, *lost]
    if code != 0:
        faults.append(f"it ended with exit code {code}:\n{monitor.log}")
    if stopped_s > _STOPS_S:
        faults.append(f"it took {stopped_s:.1f} s to stop")
    if "Traceback" in monitor.log:
        faults.append(monitor.log[monitor.log.index("Traceback") :][:2000])
    answers = {kind: dict(sorted(counted.items())) for kind, counted in neighbours.answers.items()}
    lines = [
        *found.lines(),
        *(
            f"{kind}: {', '.join(f'{count} x {answer}' for answer, count in own.items())}"
            for kind, own in answers.items()
        ),
        f"stopped in {stopped_s:.1f} s, exit code {code}",
        f"rows lost: {len(lost)}",
    ]
    return {
        "seconds": seconds,
        "lines": lines,
        "faults": faults,
        "rows_lost": len(lost),
        "answers": answers,
        "figures": asdict(found),
        "samples": [asdict(sample) | {"cameras": _short(sample)} for sample in (*quiet, *attack)],
    }


def wait_until_live(monitor: WatchedMonitor, token: str) -> None:
    """Wait until the healthy cameras' verdicts are fresh; raises `RuntimeError`."""
    deadline_s = time.monotonic() + _STARTS_S
    while True:
        with contextlib.suppress(ConnectionRefusedError):  # the address is told a moment before anybody answers there
            cameras = monitor.sample(token).cameras
            if all(cameras[name]["condition"] in ("live", "degraded") for name in _HEALTHY):
                return
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"its cameras are not live:\n{monitor.log}")
        threading.Event().wait(0.2)


def samples(monitor: WatchedMonitor, token: str, seconds: float, every_s: float) -> Iterator[Sample]:
    """Yield samples for so many seconds; raises `RuntimeError` if the monitor ends or does not answer."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        if monitor.process.poll() is not None:
            raise RuntimeError(f"the monitor ended with exit code {monitor.process.returncode}:\n{monitor.log}")
        try:
            yield monitor.sample(token)
        except OSError as error:
            raise RuntimeError(f"the monitor does not answer ({error}):\n{monitor.log}") from error
        threading.Event().wait(every_s)


def _short(sample: Sample) -> dict[str, list[Any]]:
    """Return each camera's condition, analyses and age."""
    return {
        name: [values["condition"], values["analysed"], values["age_ms"]] for name, values in sample.cameras.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long, at least 30 (default: an hour)")
    parser.add_argument("--json", type=Path, help="a file for all figures and samples")
    given = parser.parse_args()
    if given.seconds < 30:
        parser.error("--seconds: expected 30 or more")
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        try:
            result = soak(given.seconds, Path(name))
        except RuntimeError as error:
            sys.exit(f"error: {error}")
    if given.json is not None:
        given.json.write_text(json.dumps(result, indent=1), "utf-8")
    print("\n".join(result["lines"]))
    for fault in result["faults"]:
        print(f"fault: {fault}")
    sys.exit(1 if result["faults"] else 0)

"""`monitor run`."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.app.watching import build_live, check_live, inference_for, live_folder, open_first
from monitor.commands.logs import log_to_stderr
from monitor.commands.show import config_path
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.domain.errors import MonitorError
from monitor.pipeline.live import Live

_log = logging.getLogger(__name__)

_LOOK_AT_FILE_EVERY_S = 2.0


def run(config: Path | None, *, follow: bool) -> int:
    """Watch every camera until told to stop; return the exit code. Raises what keeps it from starting."""
    path = config_path(config)
    settings = load_settings(path)
    check_live(settings)
    log_to_stderr()
    with _signals() as wishes:
        live = start(settings)
        _log.info(
            "watching %d camera(s) with %s; journal, log and pictures in %s; Ctrl-C stops",
            len(settings.cameras),
            settings.detector.model.name,
            live_folder(settings),
        )
        _serve(live, settings, path, wishes, follow=follow)
        return stop(live)


def start(settings: Settings) -> Live:
    """Return a running live monitor; raises `ModelError`, `OutputError`."""
    first = open_first(settings.detector)
    live = build_live(settings, first)
    live.start(settings.cameras, inference_for(settings.detector, first))
    return live


def stop(live: Live) -> int:
    """Stop a live monitor and return the exit code; where a read hangs, leave the process at once.

    By then the journal is complete; a thread inside a camera's driver or FFmpeg cannot be ended any other way.
    """
    code = 0
    try:
        live.stop()
    except MonitorError as error:
        _log.error("%s", error)
        code = error.exit_code
    stuck = live.running()
    _log.info("stopped%s", f"; left behind in a read that hangs: {', '.join(stuck)}" if stuck else "")
    if stuck:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


class Wishes:
    """What people ask of a running monitor through signals."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self.stop = False
        self.reload = False

    def ask_stop(self, *_: object) -> None:
        """SIGTERM or Ctrl-C."""
        self.stop = True
        self.changed.set()

    def ask_reload(self, *_: object) -> None:
        """SIGHUP."""
        self.reload = True
        self.changed.set()


@contextmanager
def _signals() -> Iterator[Wishes]:
    wishes = Wishes()
    handlers = {
        signal.SIGINT: wishes.ask_stop,
        signal.SIGTERM: wishes.ask_stop,
        signal.SIGHUP: wishes.ask_reload,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield wishes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(live: Live, settings: Settings, path: Path, wishes: Wishes, *, follow: bool) -> None:
    seen = _fingerprint(path)
    while not wishes.stop and not live.stopped.is_set():
        wishes.changed.wait(_LOOK_AT_FILE_EVERY_S if follow else 0.5)
        wishes.changed.clear()
        if follow and (now := _fingerprint(path)) != seen:
            seen, wishes.reload = now, True
        if wishes.reload and not wishes.stop:
            wishes.reload = False
            settings = _reload(live, settings, path)


def _reload(live: Live, settings: Settings, path: Path) -> Settings:
    """Take a changed configuration; a wrong one is refused, and the old one runs on."""
    try:
        new = load_settings(path)
        check_live(new)
        changed = new.detector != settings.detector
        inference = inference_for(new.detector, open_first(new.detector)) if changed else None
    except MonitorError as error:
        _log.error("the new configuration is refused, the old one runs on:\n%s", error)
        return settings
    if new.output != settings.output or new.journal != settings.journal:
        _log.warning("output and journal take effect after a restart")
    live.apply(new.cameras, inference)
    _log.info("configuration loaded again: %d camera(s)", len(new.cameras))
    return new


def _fingerprint(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size

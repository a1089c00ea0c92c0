"""A running live monitor: its start, its reaction to signals and changed files, and its end."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from monitor.app.choosing import with_model
from monitor.app.journals import folders
from monitor.app.signals import SignalFlags
from monitor.app.watching import (
    build_live,
    check_live,
    inference_for,
    live_database,
    live_folder,
    next_run,
    open_first,
    run_of,
)
from monitor.app.web_server import WebServer, model_of
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.domain.clock import SystemClock
from monitor.domain.errors import MonitorError
from monitor.pipeline.monitor import Monitor
from monitor.pipeline.process import address_space_mb, raise_file_limit, return_freed_memory
from monitor.storage.files import claimed, make_folder
from monitor.storage.run_info import CurrentRun
from monitor.web.model import Model
from monitor.web.values import without_folders
from monitor.web.warnings import WarningCode, Warnings

_log = logging.getLogger(__name__)

_CHECK_FILE_EVERY_S = 2.0
_CHECK_MONITOR_EVERY_S = 0.5
_WEB_SERVER_ENDS_S = 2.0

#: Returning 100 MB takes some 20 ms, and nothing none.
_RETURN_MEMORY_EVERY_S = 10.0

#: The file in the live folder with the speed of the models on this machine, for `detector.model: auto`.
_MODEL_TIMES = "model_times.json"

#: One camera takes about 1,700 MB of address space, a fifth of it memory.
_ADDRESS_SPACE_MB = 3000


@contextmanager
def running(path: Path, signals: SignalFlags) -> Iterator["RunningMonitor"]:
    """Yield a running live monitor that serves the requests of signals.

    Raises `ConfigError`, `ModelError`, `OutputError`.
    """
    raise_file_limit()
    if (limit_mb := address_space_mb()) is not None and limit_mb < _ADDRESS_SPACE_MB:
        _log.warning(
            "the address space is limited to %.0f MB (ulimit -v); with less than %d MB libraries may crash without "
            "a message: remove that limit, and limit the memory instead (MemoryMax of systemd, mem_limit of compose)",
            limit_mb,
            _ADDRESS_SPACE_MB,
        )
    settings = load_settings(path)
    check_live(settings)
    folder = live_folder(settings)
    make_folder(folder)
    with claimed(folder):
        clock, database = SystemClock(), live_database(settings)
        web_server = WebServer(settings.web, folder, database, clock) if settings.web.enabled else None
        try:
            with signals.interruptible():
                settings, choice = with_model(settings, folder / _MODEL_TIMES)
                first = open_first(settings.detector)
            run = run_of(settings, first, clock)
            monitor = build_live(settings, run, database, clock)
            model = model_of(first, choice)
            running = RunningMonitor(monitor, web_server, settings, model, path, signals, run)
            monitor.start(settings.cameras, inference_for(settings.detector, first))
        except BaseException:
            if web_server is not None:
                web_server.join(0)
            raise
        _log.info(
            "watching %d camera(s) with %s%s; journal, log and pictures in %s; Ctrl-C stops",
            len(settings.cameras),
            settings.detector.model.name,
            f" ({choice})" if choice else "",
            ", ".join(map(str, folders(settings))),
        )
        try:
            if web_server is not None:
                web_server.start(monitor, run.info.started_at, lambda: running.settings, lambda: running.model)
            yield running
        except BaseException:
            running.abandon()
            raise


class RunningMonitor:
    """A live monitor, its web server, its configuration in effect, and the requests to it."""

    def __init__(
        self,
        monitor: Monitor,
        web_server: WebServer | None,
        settings: Settings,
        model: Model,
        path: Path,
        signals: SignalFlags,
        run: CurrentRun,
    ) -> None:
        self.monitor = monitor
        self.signals = signals
        self._lock = threading.Lock()
        self._settings = settings
        self._model = model
        self._web_server = web_server
        self._warnings = Warnings(SystemClock()) if web_server is None else web_server.warnings
        self._path = path
        self._run = run

    @property
    def settings(self) -> Settings:
        """The settings in effect."""
        with self._lock:
            return self._settings

    @property
    def model(self) -> Model:
        """The detector in use."""
        with self._lock:
            return self._model

    def serve(self, *, follow: bool) -> None:
        """Wait for a stop request, or until the monitor stops by itself; reload the configuration on request.

        With `follow`, a change of the file is such a request too.
        """
        signals, seen, returned_s = self.signals, _fingerprint(self._path), time.monotonic()
        while not signals.stop and not self.monitor.stopped.is_set():
            signals.changed.wait(_CHECK_FILE_EVERY_S if follow else _CHECK_MONITOR_EVERY_S)
            signals.changed.clear()
            if time.monotonic() - returned_s >= _RETURN_MEMORY_EVERY_S:
                return_freed_memory()
                returned_s = time.monotonic()
            if follow and (now := _fingerprint(self._path)) != seen:
                seen, signals.reload = now, True
            if signals.reload and not signals.stop:
                signals.reload = False
                self._reload()

    def stop(self) -> NoReturn:
        """Stop, and end the process at once with its exit code.

        The journal is complete by then. A thread inside a camera's driver or FFmpeg cannot be ended any other way, and
        an orderly shutdown of the libraries takes seconds on a busy machine.
        """
        code = 0
        if self._web_server is not None:
            self._web_server.ask_stop()
        for end in (self.monitor.stop, self._end_web_server):
            try:
                end()
            except MonitorError as error:
                _log.error("%s", error)
                code = error.exit_code
            except Exception:  # noqa: BLE001 - the process ends here in any case, with its results written
                _log.exception("stopping failed with an unexpected error")
                code = 1
        stuck = self.monitor.running() + (self._web_server.running() if self._web_server is not None else [])
        _log.info("stopped%s", f"; threads still blocked in a read: {', '.join(stuck)}" if stuck else "")
        logging.shutdown()
        os._exit(code)

    def abandon(self) -> None:
        """Stop after a failure that the caller reports."""
        if self._web_server is not None:
            self._web_server.ask_stop()
        self.monitor.stop()
        self._end_web_server()

    def _end_web_server(self) -> None:
        if self._web_server is not None:
            self._web_server.join(_WEB_SERVER_ENDS_S)

    def _reload(self) -> None:
        """Apply a changed configuration; one with faults is refused, and the old one stays in effect."""
        old = self.settings
        try:
            new = load_settings(self._path)
            check_live(new)
            with self.signals.interruptible():
                new, choice = with_model(new, live_folder(old) / _MODEL_TIMES)
            changed = new.detector != old.detector or self.model.has_changed()
            with self.signals.interruptible():
                opened = open_first(new.detector) if changed else None
        except SystemExit:
            return
        except MonitorError as error:
            _log.error(
                "the changed configuration is refused, the old one stays in effect; correct the file:\n%s", error
            )
            refused = "The changed configuration is refused; the old one stays in effect. "
            text = refused + without_folders(str(error))
            self._warnings.set(WarningCode.CONFIGURATION_REFUSED, text, names_cameras=True)
            return
        self._warnings.clear(WarningCode.CONFIGURATION_REFUSED)
        fixed = ("output", "journal", "retention", "web", "kiosk")
        if any(getattr(new, name) != getattr(old, name) for name in fixed):
            _log.warning("changes to output, journal, retention, web and kiosk take effect after a restart")
        model = replace(self.model, choice=choice) if opened is None else model_of(opened, choice)
        if choice:
            _log.info("model %s: %s", new.detector.model.name, choice)
        if (new, model) != (old, self.model):
            self._run.info = next_run(self._run.info, new, model, SystemClock())
        self.monitor.apply(new.cameras, None if opened is None else inference_for(new.detector, opened))
        with self._lock:
            self._settings, self._model = new, model
        _log.info("configuration reloaded: %d camera(s)", len(new.cameras))


def _fingerprint(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size

"""`monitor kiosk`."""

import threading
from pathlib import Path
from typing import NoReturn

from monitor.app.running import RunningMonitor, running
from monitor.app.signals import SignalFlags
from monitor.app.watching import check_live
from monitor.commands.logs import log_to_stderr
from monitor.commands.show import load
from monitor.config.loading import config_path
from monitor.config.settings import Settings
from monitor.domain.clock import SystemClock
from monitor.outputs.kiosk.window import KioskWindow


def kiosk(config: Path | None, signals: SignalFlags, camera: str | None, language: str | None) -> NoReturn:
    """Watch every camera, and show one of them to visitors until the window is closed; then end the process."""
    _shown(load(config), camera)  # before anything starts
    log_to_stderr()
    with running(config_path(config), signals) as monitor:
        name = _shown(monitor.settings, camera)
        settings = monitor.settings.kiosk
        if language is not None:
            settings = settings.model_copy(update={"language": language})
        closing = threading.Event()
        folder = monitor.settings.output.folder / "kiosk"
        window = KioskWindow(settings, lambda: monitor.monitor.status(name), SystemClock(), folder, closing)
        served = threading.Thread(target=_serve, args=(monitor, closing), name="serve")
        served.start()
        try:
            window.run()
        finally:
            monitor.signals.ask_stop()
            served.join()
        monitor.stop()


def _serve(monitor: RunningMonitor, closing: threading.Event) -> None:
    try:
        monitor.serve(follow=False)
    finally:
        closing.set()


def _shown(settings: Settings, camera: str | None) -> str:
    check_live(settings)
    name = camera or settings.kiosk.camera or next(iter(settings.cameras))
    settings.require_cameras(name, where="kiosk")
    return name

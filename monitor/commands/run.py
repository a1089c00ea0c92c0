"""`monitor run`."""

from pathlib import Path
from typing import NoReturn

from monitor.app.running import running
from monitor.app.signals import SignalFlags
from monitor.commands.logs import log_to_stderr
from monitor.config.loading import config_path


def run(config: Path | None, signals: SignalFlags, *, follow: bool) -> NoReturn:
    """Watch every camera until a stop request, then end the process; raises `MonitorError` if it cannot start."""
    log_to_stderr()
    with running(config_path(config), signals) as monitor:
        monitor.serve(follow=follow)
        monitor.stop()

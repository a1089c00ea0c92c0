"""`monitor run`."""

from pathlib import Path
from typing import NoReturn

from monitor.app.running import running
from monitor.commands.logs import log_to_stderr
from monitor.commands.show import config_path


def run(config: Path | None, *, follow: bool) -> NoReturn:
    """Watch every camera until a stop request, then end the process; raises `MonitorError` if it cannot start."""
    log_to_stderr()
    with running(config_path(config)) as monitor:
        monitor.serve(follow=follow)
        monitor.stop()

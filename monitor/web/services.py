"""What the pages are made from."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.config.settings import Settings
from monitor.domain.clock import Clock
from monitor.pipeline.live import Live
from monitor.storage.accounts import Accounts
from monitor.storage.figures import Figures
from monitor.storage.incident_book import IncidentBook
from monitor.storage.snapshots import SnapshotFolder
from monitor.web.hub import Hub
from monitor.web.model import Model
from monitor.web.photo_desk import PhotoDesk
from monitor.web.sessions import Sessions
from monitor.web.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Services:
    """Made once, by the composition root; `settings` and `model` are asked anew each time, since both can change."""

    live: Live
    settings: Callable[[], Settings]
    model: Callable[[], Model]
    folder: Path
    started_at: datetime
    clock: Clock
    accounts: Accounts
    book: IncidentBook
    figures: Figures
    snapshots: SnapshotFolder
    hub: Hub
    photos: PhotoDesk
    sessions: Sessions
    logins: Throttle
    failures: Throttle
    uploads: Throttle
    hashing: Executor
    behind_proxy: bool

"""The services behind the pages and the API."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from monitor.config.settings import Settings
from monitor.domain.clock import Clock
from monitor.outputs.live_view import LiveViews
from monitor.pipeline.monitor import Monitor
from monitor.storage.accounts import AccountRepository
from monitor.storage.clip_folder import ClipFolder
from monitor.storage.clips import ClipRepository
from monitor.storage.incidents import IncidentRepository
from monitor.storage.keeping import KeptRepository
from monitor.storage.kiosks import KioskRepository
from monitor.storage.removing import Remover
from monitor.storage.sessions import SessionRepository
from monitor.storage.snapshots import SnapshotFolder
from monitor.storage.statistics import StatisticsRepository
from monitor.web.blurred_clips import BlurredClips
from monitor.web.device_cookie import DeviceCookie
from monitor.web.figures import Figures
from monitor.web.hub import Hub
from monitor.web.kiosk_cookie import KioskCookie
from monitor.web.model import Model
from monitor.web.password_queue import PasswordQueue
from monitor.web.photo_service import PhotoService
from monitor.web.reports import Reports
from monitor.web.session_cookie import SessionCookie
from monitor.web.shares import Places
from monitor.web.throttle import LoginThrottle, Throttle
from monitor.web.viewings import Viewings
from monitor.web.warnings import Warnings


@dataclass(frozen=True, slots=True)
class JournalReaders:
    """The repositories and the evidence of one journal; `folder` is that of its files."""

    engine: Engine
    folder: Path
    incidents: IncidentRepository
    statistics: StatisticsRepository
    snapshots: SnapshotFolder
    clips: ClipRepository
    clip_folder: ClipFolder
    kept: KeptRepository
    remover: Remover


@dataclass(frozen=True, slots=True)
class Services:
    """Created once, by the composition root; `settings`, `model` and `journal` can change and are called each time."""

    monitor: Monitor
    views: LiveViews
    settings: Callable[[], Settings]
    model: Callable[[], Model]
    folder: Path
    started_at: datetime
    clock: Clock
    accounts: AccountRepository
    kiosks: KioskRepository
    journal: Callable[[], JournalReaders]
    hub: Hub
    warnings: Warnings
    photos: PhotoService
    places: Places
    sessions: SessionRepository
    session_cookie: SessionCookie
    device_cookie: DeviceCookie
    kiosk_cookie: KioskCookie
    logins: LoginThrottle
    wrong_codes: Throttle
    uploads: Throttle
    passwords: PasswordQueue
    viewings: Viewings
    figures: Figures
    reports: Reports
    exports: Reports
    blurred_clips: BlurredClips
    behind_proxy: bool

    @property
    def incidents(self) -> IncidentRepository:
        """The incidents of the journal in use."""
        return self.journal().incidents

    @property
    def statistics(self) -> StatisticsRepository:
        """The statistics of the journal in use."""
        return self.journal().statistics

    @property
    def snapshots(self) -> SnapshotFolder:
        """The pictures of the journal in use."""
        return self.journal().snapshots

    @property
    def clips(self) -> ClipRepository:
        """The clips of the journal in use."""
        return self.journal().clips

    @property
    def clip_folder(self) -> ClipFolder:
        """The files of these clips."""
        return self.journal().clip_folder

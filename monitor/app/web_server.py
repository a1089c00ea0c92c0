"""Builds and runs the web server."""

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.app.journals import JournalPlace, sample_place
from monitor.config.overlay import OverlaySettings
from monitor.config.settings import Settings
from monitor.config.web import WebSettings
from monitor.detectors.opening import OpenedDetector
from monitor.domain.clock import Clock
from monitor.domain.errors import ConfigError
from monitor.outputs.live_view import LiveViews
from monitor.pipeline.monitor import Monitor
from monitor.pipeline.threads import ThreadGroup
from monitor.storage.lazy_engine import LazyEngine
from monitor.storage.snapshots import SnapshotFolder
from monitor.web.model import Model
from monitor.web.server import Server, bind, is_loopback, url_of
from monitor.web.warnings import Warnings

if TYPE_CHECKING:  # the web thread loads FastAPI while cameras connect
    from monitor.storage.incidents import Incident
    from monitor.web.services import Services

_log = logging.getLogger(__name__)


class WebServer:
    """The pages of one live monitor: the port is bound at once, and served from `start` to `join`.

    Raises `ConfigError` if the port or a certificate cannot be used, or if the address can be reached from other
    computers while there is no account.
    """

    def __init__(self, web: WebSettings, folder: Path, database: LazyEngine, clock: Clock) -> None:
        if not is_loopback(web.host) or web.trusted_proxies:
            from monitor.storage.accounts import AccountRepository

            if not AccountRepository(database(), clock).exist():
                where = "through web.trusted_proxies" if is_loopback(web.host) else f"at web.host {web.host}"
                raise ConfigError(
                    f"the pages can be reached from other computers {where}, and there is no account yet; "
                    "create one first: scripts/run user add NAME --role admin "
                    "(with compose: docker compose run --rm monitor user add NAME --role admin)"
                )
        self._web = web
        self._folder = folder
        self._database = database
        self._clock = clock
        self.warnings = Warnings(clock)
        self._bound = bind(web)
        self._server = Server(web, self._bound)
        self._threads: ThreadGroup | None = None
        self._views: LiveViews | None = None
        self.url = url_of(web, self._bound)

    def start(
        self, monitor: Monitor, started_at: datetime, settings: Callable[[], Settings], model: Callable[[], Model]
    ) -> None:
        """Start to serve; if the server fails, the live monitor stops too, since it would run without its pages."""
        threads = self._threads = ThreadGroup(on_failure=monitor.stopped.set)

        def serve() -> None:
            from monitor.web.app import make_app

            services = self._services(monitor, started_at, settings, model)
            monitor.analyses.subscribe(services.views.publish)  # before the hub, which reads the views
            monitor.analyses.subscribe(services.hub.on_analysis)
            monitor.recorded.subscribe(services.hub.on_recorded)
            monitor.removed.subscribe(services.views.forget)
            threads.spawn("pictures", services.hub.encode)
            try:
                app = make_app(services, self._web, lambda: _log.info("web pages: %s", self.url))
                self._server.run(app)
            finally:
                services.hub.stop()
                services.photos.close()
                services.passwords.close()
                services.reports.close()
                services.exports.close()
                services.blurred_clips.close()

        threads.spawn("web", serve)

    def encoded(self) -> int:
        """Return how many live pictures have been encoded."""
        return 0 if self._views is None else self._views.encoded()

    def ask_stop(self) -> None:
        """Request the server to stop."""
        self._server.stop()

    def join(self, timeout_s: float) -> None:
        """Wait for the end; raises the server's failure. `running` names the threads that have not ended."""
        try:
            if self._threads is not None:
                until_s = self._clock.monotonic_s() + timeout_s
                self._threads.wait(timeout_s, "web")  # it may start other threads until it ends
                self._threads.wait(until_s - self._clock.monotonic_s())
                self._threads.raise_failure()
        finally:
            self._bound.close()

    def running(self) -> list[str]:
        """Return the names of the running threads."""
        return [] if self._threads is None else self._threads.running()

    def _services(
        self, monitor: Monitor, started_at: datetime, settings: Callable[[], Settings], model: Callable[[], Model]
    ) -> "Services":
        from monitor.storage.accounts import AccountRepository
        from monitor.storage.clip_folder import ClipFolder
        from monitor.storage.clips import ClipRepository
        from monitor.storage.incidents import IncidentRepository
        from monitor.storage.keeping import KeptRepository
        from monitor.storage.kiosks import KioskRepository
        from monitor.storage.removing import Remover
        from monitor.storage.sessions import SessionRepository
        from monitor.storage.statistics import StatisticsRepository
        from monitor.web.blurred_clips import BlurredClips
        from monitor.web.device_cookie import DeviceCookie
        from monitor.web.figures import Figures
        from monitor.web.hub import Hub
        from monitor.web.kiosk_cookie import KioskCookie
        from monitor.web.password_queue import PasswordQueue
        from monitor.web.photo_service import PhotoService
        from monitor.web.reports import Reports
        from monitor.web.services import JournalReaders, Services
        from monitor.web.session_cookie import SessionCookie
        from monitor.web.shares import Places
        from monitor.web.signing_key import signing_key
        from monitor.web.throttle import WRONG_CODES, WRONG_CODES_OVER_S, LoginThrottle, Throttle
        from monitor.web.viewings import Viewings

        engine, web, clock = self._database(), self._web, self._clock
        key = signing_key(self._folder)

        def readers(place: JournalPlace) -> JournalReaders:
            engine = place.database()
            return JournalReaders(
                engine,
                place.folder,
                IncidentRepository(engine, clock, started_at),
                StatisticsRepository(engine),
                SnapshotFolder(place.pictures),
                ClipRepository(place.database()),
                ClipFolder(place.clips),
                KeptRepository(engine, clock),
                Remover(engine, place.folder, clock),
            )

        live = readers(JournalPlace(self._folder, self._database))
        sample = functools.cache(functools.partial(readers, sample_place(settings())))

        def journal() -> JournalReaders:
            """Return the live journal, or that of the sample if there is no real camera."""
            cameras = monitor.statuses()
            return sample() if cameras and all(camera.sample for camera in cameras) else live

        def find_incident(incident_id: str) -> "Incident | None":
            return journal().incidents.by_incident_id(incident_id)

        views = self._views = LiveViews(lambda name: _overlay(monitor, name), monitor.rates, clock)
        return Services(
            monitor=monitor,
            views=views,
            settings=settings,
            model=model,
            folder=self._folder,
            started_at=started_at,
            clock=clock,
            accounts=AccountRepository(engine, clock),
            kiosks=KioskRepository(engine, clock),
            journal=journal,
            hub=Hub(monitor.statuses, views, clock, find_incident),
            warnings=self.warnings,
            photos=PhotoService(settings),
            places=Places(),
            sessions=SessionRepository(engine, clock, web.session_hours),
            session_cookie=SessionCookie(web.session_hours, web.tls, web.base_path),
            device_cookie=DeviceCookie(key, web.tls, web.base_path),
            kiosk_cookie=KioskCookie(web.tls, web.base_path),
            logins=LoginThrottle(clock),
            wrong_codes=Throttle(WRONG_CODES, WRONG_CODES_OVER_S, clock),
            uploads=Throttle(web.photo.per_minute, 60, clock),
            passwords=PasswordQueue(),
            viewings=Viewings(clock),
            figures=Figures(),
            reports=Reports("reports"),
            exports=Reports("exports"),
            blurred_clips=BlurredClips(),
            behind_proxy=bool(web.trusted_proxies),
        )


def model_of(opened: OpenedDetector, choice: str = "") -> Model:
    """Return a detector's description for the pages; `choice` says why `auto` has chosen it."""
    return Model(opened.folder.name, opened.sha256, opened.backend.value, opened.device, opened.file, choice)


def _overlay(monitor: Monitor, name: str) -> OverlaySettings:
    settings = monitor.settings(name)
    return OverlaySettings() if settings is None else settings.overlay

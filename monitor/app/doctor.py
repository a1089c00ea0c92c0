"""Checks of the installation: whether everything the monitor needs is present, and what to do if it is not.

The checks leave no files behind and do not disturb a running monitor.
"""

import http.client
import json
import os
import shutil
import sqlite3
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from monitor.app.doctor_host import python_and_libraries, time_of_day
from monitor.app.findings import Finding, State, failed, ok, warning
from monitor.config.camera import CameraSettings
from monitor.config.settings import Settings
from monitor.domain.address import SourceKind, redact
from monitor.domain.clock import Clock
from monitor.domain.errors import ConfigError, JournalError, ModelError, MonitorError, OutputError, SourceError
from monitor.sources.ping import is_reachable

#: Free disk space in bytes below which the check warns, or fails. A day of one camera's incidents takes about 100 MB.
_WARN_BYTES, _FAIL_BYTES = 5_000_000_000, 200_000_000

#: Seconds to wait for a camera, for the server at the web port, and for a database.
_PING_S, _WEB_S, _DATABASE_S = 3.0, 3.0, 5.0
_PINGS_AT_ONCE = 32


def examine_installation(path: Path, clock: Clock, on_group: Callable[[str], object]) -> list[Finding]:
    """Return what every check found with this configuration file; `on_group` is called with each group's name."""
    wall, monotonic_s = clock.utc_now(), clock.monotonic_s()
    found = list(python_and_libraries())
    for group, check in _checks_of(path):
        on_group(group)
        try:
            found += check()
        except ImportError as error:  # the missing library is reported by a check above
            remedy = "Install the missing library first: pip install -r requirements.txt"
            found.append(failed(group, MonitorError, f"cannot be checked: {error}", remedy))
    slip_s = (clock.utc_now() - wall).total_seconds() - (clock.monotonic_s() - monotonic_s)
    return [*found, *time_of_day(clock.utc_now(), slip_s)]


def _checks_of(path: Path) -> Iterator[tuple[str, Callable[[], Iterable[Finding]]]]:
    """Yield the checks of a configuration in order, by group; sections with faults are not checked further."""
    read: list[tuple[Settings, frozenset[str]]] = []

    def configuration() -> Iterator[Finding]:
        from monitor.app.configuration import check_settings

        try:
            checked = check_settings(path)
        except ConfigError as error:
            yield failed("configuration", ConfigError, str(error), "Correct the file, or name another with --config.")
            return
        read.append((checked.settings, checked.left_out))
        for fault in checked.faults:
            yield failed("configuration", ConfigError, fault, "Correct the file.")
        if not checked.faults:
            yield ok("configuration", str(path))

    yield "configuration", configuration
    if not read:
        return
    (settings, left_out), folder = read[0], read[0][0].output.folder
    if "detector" not in left_out:
        yield "model", lambda: [model(settings)]
    if "output" not in left_out:
        yield "results folder", lambda: [disk_space(folder), results_folder(folder)]
        if "journal" not in left_out:
            yield "journal", lambda: [journal(settings)]
    if "web" not in left_out:
        yield "web port", lambda: [web_port(settings)]
    yield "cameras", lambda: cameras(settings.cameras)


def exit_code_of(findings: list[Finding]) -> int:
    """Return 0 if nothing failed, else the exit code of the first failed check."""
    return next((finding.exit_code for finding in findings if finding.state is State.FAILED), 0)


def model(settings: Settings) -> Finding:
    """Load the model, compare its files with the manifest's hashes, and run it on a generated picture."""
    import numpy as np

    from monitor.app.choosing import with_model
    from monitor.detectors.opening import open_detector, preprocessing_words

    remedy = "Copy the model folder again, or set detector.model to another: monitor models list"
    try:
        settings, choice = with_model(settings, None)
        opened = open_detector(settings.detector, threads=1)
        try:
            for name in opened.folder.sha256:
                opened.folder.verify(opened.folder.path / name)
            picture = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
            started = time.perf_counter()
            opened.detector.detect([picture])
            spent_ms = 1000 * (time.perf_counter() - started)
        finally:
            opened.detector.close()
    except (ModelError, OSError) as error:
        return failed("model", ModelError, str(error), remedy)
    hashes = f"{len(opened.folder.sha256)} hashes match" if opened.folder.sha256 else "its manifest states no hashes"
    runs = f"{opened.backend.value} on {opened.device}, first inference {spent_ms:.0f} ms"
    scaled = f"preprocessing {preprocessing_words(opened.preprocessing)}"
    chosen = f"; chosen as {choice}" if choice else ""
    return ok("model", f"{opened.folder.name}: {hashes}; {runs}; {scaled}{chosen}")


def disk_space(folder: Path) -> Finding:
    """Check the free space where results are written."""
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError as error:
        return failed("disk space", OutputError, f"{folder}: {error.strerror}", "Set output.folder to another folder.")
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    remedy = "Free some space, or set output.folder to a folder on a larger disk."
    if free < _FAIL_BYTES:
        return failed("disk space", OutputError, detail, remedy)
    return warning("disk space", detail, remedy) if free < _WARN_BYTES else ok("disk space", detail)


def results_folder(folder: Path) -> Finding:
    """Check that results can be written, and that other users cannot read the live monitor's pictures."""
    here, live = _existing(folder), folder / "live"
    for place in [here, *([live] if live.is_dir() else [])]:
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            remedy = "Give this user the right to write there, or set output.folder to another folder."
            return failed("results folder", OutputError, f"{place}: cannot be written to: {error.strerror}", remedy)
    if live.is_dir() and live.stat().st_mode & 0o007:
        remedy = f"Run: chmod o-rwx {live}"
        return warning("results folder", f"{live}: every user of this computer can see the pictures in it", remedy)
    return ok("results folder", f"{folder}: can be written to" if here == folder else f"{folder}: can be created")


def journal(settings: Settings) -> Finding:
    """Check that the live monitor's database can be opened, without creating or migrating it."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    from monitor.app.watching import live_folder
    from monitor.storage.database import reason

    if settings.journal.url is None:
        return _sqlite_journal(live_folder(settings) / "journal.db")

    url = settings.journal.url.get_secret_value()
    shown = redact(url)
    try:
        options = {"connect_timeout": int(_DATABASE_S)} if url.startswith("postgresql") else {}
        engine = create_engine(url, connect_args=options)
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        remedy = "Start the database server, and check journal.url: host, port, user, password and database."
        return failed("journal", JournalError, f"{shown}: {redact(reason(error))}", remedy)
    return ok("journal", f"{shown}: is reachable")


def _sqlite_journal(file: Path) -> Finding:
    if not file.exists():
        return ok("journal", f"{file}: does not exist yet; the first run creates it")
    # A database that no process has open is read without a lock, since locking would leave files next to it.
    mode = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", uri=True, timeout=_DATABASE_S)) as database:
            incidents = database.execute("SELECT count(*) FROM incidents").fetchone()[0]
    except sqlite3.Error as error:
        return failed(
            "journal", JournalError, f"{file}: {error}", "Move the file away; the next run creates a new one."
        )
    return ok("journal", f"{file}: opens, {incidents} incidents")


def web_port(settings: Settings) -> Finding:
    """Check that the pages can be served, or are being served by a running monitor."""
    from monitor.web.server import bind

    web = settings.web
    if not web.enabled:
        return ok("web port", "the pages are switched off (web.enabled)")
    try:
        bind(web).close()
    except ConfigError as error:
        if answer := _monitor_at(web.host, web.port, tls=web.tls):
            return ok("web port", f"{web.host} port {web.port}: served by a running monitor; {answer}")
        remedy = "Stop the program that uses the port, or set web.port to another."
        return failed("web port", ConfigError, str(error), remedy)
    return ok("web port", f"{web.host} port {web.port}: free")


def _monitor_at(host: str, port: int, *, tls: bool) -> str | None:
    """Return what the monitor at this port reports about itself; None if another program uses the port."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # only its health is read
    connection = (
        http.client.HTTPSConnection(host, port, timeout=_WEB_S, context=context)
        if tls
        else http.client.HTTPConnection(host, port, timeout=_WEB_S)
    )
    with closing(connection):
        try:
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            answer = connection.getresponse()
            body = json.loads(answer.read(100_000))
        except (OSError, ValueError, http.client.HTTPException):
            return None
    if answer.status not in (200, 503) or not isinstance(body, dict) or "reasons" not in body:
        return None
    return "it reports no problem" if answer.status == 200 else "it reports a problem: see its health page"


def cameras(found: dict[str, CameraSettings]) -> list[Finding]:
    """Check that every camera is reachable, several at a time; files and devices must exist."""
    if not found:
        return [warning("cameras", "there are none", "Add one under 'cameras:' in the configuration.")]
    with ThreadPoolExecutor(min(len(found), _PINGS_AT_ONCE), "ping") as pool:
        return list(pool.map(_camera, found, found.values()))


def _camera(name: str, camera: CameraSettings) -> Finding:
    source, check = camera.source, f"camera {name}"
    if not is_reachable(source, _PING_S):
        if source.kind is SourceKind.STREAM:
            detail, remedy = (
                "cannot be reached",
                f"Check its power, network and address; for the cause run: monitor probe {name}",
            )
        elif source.kind is SourceKind.WEBCAM:
            detail, remedy = "is not plugged in", "Plug it in, and list the devices with: ls /dev/video*"
        else:
            detail, remedy = "does not exist", f"Copy the file there, or correct cameras.{name}.source."
        return failed(check, SourceError, f"{source}: {detail}", remedy)
    if source.kind is SourceKind.STREAM:
        return ok(check, f"{source}: is reachable")
    path = Path(f"/dev/video{source.value}" if source.value.isdecimal() else source.value)
    if not os.access(path, os.R_OK | os.W_OK if source.kind is SourceKind.WEBCAM else os.R_OK):
        remedy = "Add this user to the group 'video'." if source.kind is SourceKind.WEBCAM else f"Run: chmod u+r {path}"
        return failed(check, SourceError, f"{source}: this user may not read it", remedy)
    return ok(check, f"{source}: exists")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)

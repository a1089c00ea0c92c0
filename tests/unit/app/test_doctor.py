import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.app.doctor import cameras, disk_space, exit_code_of, journal, results_folder, web_port
from monitor.app.doctor_host import python_and_libraries, time_of_day
from monitor.app.findings import Finding, State, failed, ok, warning
from monitor.config.camera import CameraSettings
from monitor.config.journal import OutputSettings
from monitor.config.settings import Settings
from monitor.config.web import WebSettings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import ConfigError, ModelError, SourceError


def test_the_first_failure_decides_the_exit_code():
    well = [ok("a", "x"), warning("b", "x", "y")]
    assert exit_code_of(well) == 0
    broken = [failed("c", ModelError, "x", "y"), failed("d", ConfigError, "x", "y")]
    assert exit_code_of(well + broken) == 5


def test_the_libraries_of_this_environment_are_there():
    found = {finding.check: finding for finding in python_and_libraries()}
    assert set(found) == {"Python", "OpenCV", "LiteRT", "PyAV", "H.264 encoder", "TensorFlow"}
    assert not [finding for finding in found.values() if finding.state is State.FAILED]


@pytest.mark.parametrize(
    ("now", "slip_s", "state"),
    [
        (datetime(2026, 5, 1, tzinfo=UTC), 3600.0, State.WARNING),
        (datetime(1970, 1, 1, tzinfo=UTC), 0.0, State.FAILED),
        (datetime(2300, 1, 1, tzinfo=UTC), 0.0, State.FAILED),
    ],
)
def test_a_clock_that_is_wrong_or_was_set(now, slip_s, state):
    first, zone = time_of_day(now, slip_s)
    assert (first.check, first.state, zone.check) == ("clock", state, "time zone")
    assert first.remedy


def test_a_clock_that_is_right():
    clock, _ = time_of_day(datetime(2026, 5, 1, 8, 30, tzinfo=UTC), 0.01)
    assert clock.state is not State.FAILED
    assert "2026-05-01 08:30 UTC" in clock.detail


def camera(source):
    return CameraSettings(source=SourceAddress(str(source)))


def test_sources_have_to_exist(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    found = cameras({"gate": camera(clip), "yard": camera(tmp_path / "no.mp4"), "desk": camera("63")})
    assert [finding.check for finding in found] == ["camera gate", "camera yard", "camera desk"]
    assert [finding.state for finding in found] == [State.OK, State.FAILED, State.FAILED]
    assert {finding.exit_code for finding in found[1:]} == {SourceError.exit_code}
    assert "cameras.yard.source" in found[1].remedy
    assert cameras({})[0].state is State.WARNING


def test_a_folder_for_results_need_not_exist_yet_and_nothing_is_left_in_it(tmp_path):
    assert results_folder(tmp_path).state is State.OK
    assert results_folder(tmp_path / "a" / "b").state is State.OK
    assert disk_space(tmp_path / "a").detail.endswith(str(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []
    refused = results_folder(Path("/proc/results"))
    assert (refused.state, refused.exit_code) == (State.FAILED, 6)


def test_pictures_that_everybody_can_see_are_warned_of(tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    live.chmod(0o755)
    found = results_folder(tmp_path)
    assert found.state is State.WARNING
    assert found.remedy == f"Run: chmod o-rwx {live}"
    live.chmod(0o700)
    assert results_folder(tmp_path).state is State.OK


def journal_in(folder: Path) -> Finding:
    return journal(Settings(output=OutputSettings(folder=folder)))


def test_a_journal_is_opened_and_left_as_it_is(tmp_path):
    live = tmp_path / "live"
    assert "does not exist yet" in journal_in(tmp_path).detail
    assert not live.exists()
    live.mkdir()
    with closing(sqlite3.connect(live / "journal.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE incidents (id)")
        database.execute("INSERT INTO incidents VALUES (1)")
        database.commit()
        assert "1 incidents" in journal_in(tmp_path).detail, "while it is in use"
    before = (live / "journal.db").stat().st_mtime_ns
    assert "1 incidents" in journal_in(tmp_path).detail
    assert [path.name for path in live.iterdir()] == ["journal.db"]
    assert (live / "journal.db").stat().st_mtime_ns == before


def test_a_journal_that_is_none(tmp_path):
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "journal.db").write_bytes(b"no database" * 100)
    found = journal_in(tmp_path)
    assert (found.state, found.exit_code) == (State.FAILED, 6)


def test_pages_that_are_switched_off_need_no_port():
    assert web_port(Settings(web=WebSettings(enabled=False))).state is State.OK

"""Clips are erased, verified, kept for so long, and exported, like every other evidence of an incident."""

import io
import json
import threading
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from monitor.config.camera import CameraSettings
from monitor.config.retention import RetentionSettings
from monitor.domain.errors import EvidenceError, KeptError
from monitor.domain.review import ReviewDecision
from monitor.evidence.clip_part import finish
from monitor.evidence.clips import ClipPlace, ClipRecorder
from monitor.evidence.export import export_incident
from monitor.evidence.retention import Retention, StorageStatus
from monitor.evidence.signing import evidence_key
from monitor.evidence.verifying import verify_journal
from monitor.evidence.verifying_export import verify_export
from monitor.storage.clip_folder import ClipFolder
from monitor.storage.clips import ClipRepository
from monitor.storage.disk import Disk
from monitor.storage.keeping import KeptRepository
from monitor.storage.removing import Removal, Remover
from tests.integration.evidence import START, Case, case_in, opened, to_utc

REMOVAL = Removal("erased", "ada", "asked")
DAY = "2026-01-02"


@pytest.fixture
def case(engine: Engine, tmp_path: Path) -> Case:
    return case_in(engine, tmp_path)


def folder_of(case: Case) -> ClipFolder:
    return ClipFolder(case.live / "clips")


def leave(case: Case, name: str, *numbers: int) -> str:
    """Leave the files of a clip as a crash before its row does; its pictures are not looked at here."""
    folder, name = folder_of(case), f"{DAY}/{name}-1"
    folder.prepare(name)
    folder.video(name).write_bytes(b"video of " + name.encode())
    incidents = [{"incident_id": f"door-{number:06d}", "track_id": number} for number in numbers]
    values = {"camera": "door", "started_at": START.isoformat(), "duration_s": 9.0, "width_px": 32, "height_px": 24,
              "codec": "h264", "incidents": incidents, "frames": []}  # fmt: skip
    folder.write_json(folder.boxes(name), values)
    folder.notes(name).write_text(json.dumps({"clip": {}}) + "\n")
    return name


def complete(case: Case, name: str) -> bool:
    return finish(folder_of(case), lambda: ClipRepository(case.engine), name, lambda: None)


def clip(case: Case, *numbers: int) -> str:
    """Add a clip that shows some incidents, with a blurred copy for each."""
    name = leave(case, f"door-{numbers[0]:06d}", *numbers)
    assert complete(case, name)
    for number in numbers:
        folder_of(case).blurred(name, number).write_bytes(b"blurred")
    return name


def files(case: Case) -> list[str]:
    return sorted(path.name for path in case.live.glob("clips/*/*"))


def rows(case: Case) -> tuple[int, ...]:
    """Return how many rows there are of clips, of their incidents, and of their files."""
    queries = ("clips", "clip_incidents", "evidence_files WHERE kind <> 'picture'")
    with case.engine.connect() as connection:
        return tuple(connection.execute(text(f"SELECT count(*) FROM {each}")).scalar() or 0 for each in queries)


def retention(case: Case, free: float = 0.5) -> Retention:
    chosen = RetentionSettings.model_validate({"pictures": {"confirmed_days": 30}})
    return Retention(lambda: chosen, lambda: case.engine, case.live, case.clock, lambda _: Disk(free * 1000, 1 - free))


def test_erasing_takes_every_file_of_a_clip(case: Case) -> None:
    number = case.open(1)
    case.open(2)
    clip(case, 1)
    clip(case, 2)
    assert len(files(case)) == 6
    assert verify_journal(case.engine, case.live, None).files == 6
    Remover(case.engine, case.live, case.clock).erase_incident(number, REMOVAL)
    assert files(case) == ["door-000002-1.json", "door-000002-1.mp4", "door-000002-1.of-2.mp4"]
    assert rows(case) == (1, 1, 2)
    assert verify_journal(case.engine, case.live, None).files == 3


def test_a_clip_that_shows_an_erased_person_goes_for_all_of_its_incidents(case: Case) -> None:
    first, second = case.open(1), case.open(2)
    clip(case, 1, 2)
    kept = KeptRepository(case.engine, case.clock)
    kept.keep(second, "ada", "the police", START + timedelta(days=9))
    remover = Remover(case.engine, case.live, case.clock)
    with pytest.raises(KeptError, match="keeps incident 2"):
        remover.erase_incident(first, REMOVAL)
    kept.release(second)
    assert remover.erase_incident(first, REMOVAL)
    assert files(case) == []
    assert rows(case) == (0, 0, 0)
    assert case.incidents.incident(second) is not None
    found = verify_journal(case.engine, case.live, None)
    assert (found.incidents, found.removed, found.files) == (1, 1, 1)


def test_an_incident_that_is_erased_before_its_clip_is_complete(case: Case) -> None:
    number = case.open(1)
    case.open(2)
    name = leave(case, "door-000001", 1, 2)
    Remover(case.engine, case.live, case.clock).erase_incident(number, REMOVAL)
    assert not complete(case, name)
    assert (files(case), rows(case)) == ([], (0, 0, 0))
    verify_journal(case.engine, case.live, None)


def test_a_clip_may_be_complete_before_the_journal_gets_its_incident(case: Case) -> None:
    clip(case, 1)
    assert rows(case) == (1, 1, 0)
    case.open(1)
    assert verify_journal(case.engine, case.live, None).files == 3


@pytest.mark.parametrize("suffix", [".mp4", ".json"])
def test_verifying_names_the_file_of_a_clip_that_was_changed(case: Case, suffix: str) -> None:
    case.open(1)
    path = case.live / "clips" / (clip(case, 1) + suffix)
    data = path.read_bytes()
    path.write_bytes(data[:-3] + b"?" + data[-2:])
    with pytest.raises(EvidenceError, match=rf"record \d, incident 1: the file \S*{suffix} has been changed"):
        verify_journal(case.engine, case.live, None)
    path.unlink()
    with pytest.raises(EvidenceError, match=rf"the file \S*{suffix} is missing"):
        verify_journal(case.engine, case.live, None)


def test_old_clips_go_when_none_of_their_incidents_needs_them(case: Case) -> None:
    case.open(1)
    case.review(case.open(2), decision=ReviewDecision.CONFIRMED)
    clip(case, 1, 2)
    for day, left in ((20, (1, 1, 2)), (40, (0, 0, 0))):
        case.clock.utc = START + timedelta(days=day)
        retention(case).remove_old(threading.Event())
        assert rows(case) == left
        assert bool(files(case)) == (left[0] == 1)
        verify_journal(case.engine, case.live, None)


def test_sizes_count_a_shared_clip_once(case: Case) -> None:
    for number in (1, 2):
        case.open(number)
    name = clip(case, 1, 2)
    keeper = retention(case)
    keeper.make_room(threading.Event())
    own = [case.picture(1), case.picture(2), folder_of(case).video(name), folder_of(case).boxes(name)]
    assert (keeper.status.files, keeper.status.bytes) == (4, sum(path.stat().st_size for path in own))


def test_a_full_disk_gets_no_more_clips(case: Case) -> None:
    keeper = retention(case, free=0.08)
    keeper.make_room(threading.Event())
    assert (keeper.keeps_clips, keeper.keeps_pictures) == (False, True)
    place = ClipPlace(folder_of(case), lambda: ClipRepository(case.engine))
    recorder = ClipRecorder(lambda _: place, [place], case.clock, to_utc, lambda: keeper.keeps_clips)
    recorder.add("door", CameraSettings.model_validate({"source": "0", "clips": {"enabled": True}}))
    recorder.on_event(opened(1))
    assert not recorder._cameras["door"].clips.events
    keeper.status = StorageStatus()
    recorder.on_event(opened(1))
    assert recorder._cameras["door"].clips.events


@pytest.mark.parametrize("originals", [True, False])
def test_an_export_has_the_original_or_the_blurred_copy(case: Case, tmp_path: Path, originals: bool) -> None:
    number = case.open(1)
    case.open(2)
    name, out = clip(case, 1, 2), tmp_path / "incident.zip"
    with out.open("wb") as file:
        export_incident(case.engine, case.live, number, evidence_key(tmp_path), START, file, originals=originals)
    verify_export(out)
    with zipfile.ZipFile(io.BytesIO(out.read_bytes())) as archive:
        videos = {each: archive.read(each) for each in archive.namelist() if each.endswith(".mp4")}
        assert f"clip_notes/{Path(name).name}.json" in archive.namelist()
    path = folder_of(case).video(name) if originals else folder_of(case).blurred(name, 1)
    assert videos == {f"clip/{path.name}": path.read_bytes()}

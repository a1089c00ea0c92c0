"""Pictures get their own name once their row is committed, and a crash between the two is repaired."""

import hashlib
from pathlib import Path

from monitor.storage.snapshots import SnapshotFolder
from tests.fakes import noise


def test_a_picture_is_complete_only_after_its_row(tmp_path: Path) -> None:
    pictures = SnapshotFolder(tmp_path)
    file = pictures.write("door-1", noise(24, 32), "2026-01-02")
    assert not (tmp_path / file.name).exists()
    assert pictures.complete(file.name)
    data = (tmp_path / file.name).read_bytes()
    assert (file.kind, file.name, file.bytes) == ("picture", "2026-01-02/door-1.jpg", len(data))
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert pictures.complete(file.name), "again, as after a lost answer"


def test_a_picture_that_is_gone_is_told(tmp_path: Path) -> None:
    pictures = SnapshotFolder(tmp_path)
    file = pictures.write("door-1", noise(24, 32), "2026-01-02")
    (tmp_path / "2026-01-02" / "door-1.partial.jpg").unlink()
    assert not pictures.complete(file.name)


def test_what_a_crash_left_is_completed_with_a_row_and_removed_without(tmp_path: Path) -> None:
    pictures = SnapshotFolder(tmp_path)
    kept, dropped, done = (pictures.write(f"door-{number}", noise(24, 32), "2026-01-02").name for number in range(3))
    pictures.complete(done)
    pictures.repair(lambda names: {name for name in names if name == kept})
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jpg")} == {kept, done}
    assert dropped not in {kept, done}

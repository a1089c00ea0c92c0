"""An exported incident proves itself, and whatever is changed in it is noticed."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine

from monitor.domain.errors import EvidenceError, OutputError
from monitor.evidence.export import export_incident
from monitor.evidence.signing import evidence_key
from monitor.evidence.verifying_export import verify_export
from tests.integration.evidence import START, Case, case_in


@pytest.fixture
def exported(engine: Engine, tmp_path: Path) -> tuple[Case, Path]:
    """The second of three incidents, between whose records there are those of others."""
    case = case_in(engine, tmp_path)
    case.open(1)
    number = case.open(2)
    case.open(3)
    case.close(2)
    case.review(number)
    out = io.BytesIO()
    assert export_incident(engine, case.live, number, evidence_key(tmp_path), START, out, originals=True)
    path = tmp_path / "incident.zip"
    path.write_bytes(out.getvalue())
    return case, path


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_has_everything_and_nothing_of_others(exported: tuple[Case, Path]) -> None:
    case, path = exported
    found = verify_export(path)
    assert (found.files, found.records, found.public_key) == (5, 4, case.key)
    contents = parts(path)
    assert contents["picture/door-000002.jpg"] == case.picture(2).read_bytes()
    page = contents["summary.html"].decode()
    for words in ("No mask", "door", "only a hand", "2026-01-02 03:00:02 UTC", case.key, "record 3 of a hash chain"):
        assert words in page, words
    assert "http" not in page.replace("http-equiv", ""), "it loads nothing from elsewhere"
    assert json.loads(contents["settings.json"])["rules"] == {"dwell_s": 1.5}
    text = b" ".join(contents.values()).decode("utf-8", "replace")
    assert "door-000001" not in text
    assert "door-000003" not in text


def test_every_changed_byte_is_noticed(exported: tuple[Case, Path], tmp_path: Path) -> None:
    _, path = exported
    contents = parts(path)
    for name, data in contents.items():
        for at in (0, len(data) // 2, len(data) - 2):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            other = tmp_path / "changed.zip"
            with zipfile.ZipFile(other, "w") as archive:
                for each, content in contents.items():
                    archive.writestr(each, changed if each == name else content)
            with pytest.raises(EvidenceError):
                verify_export(other)


def test_what_is_missing_added_or_no_zip_is_noticed(exported: tuple[Case, Path], tmp_path: Path) -> None:
    _, path = exported
    contents, other = parts(path), tmp_path / "other.zip"
    for left_out in (*contents, None):
        with zipfile.ZipFile(other, "w") as archive:
            for name, content in contents.items():
                if name != left_out:
                    archive.writestr(name, content)
            if left_out is None:
                archive.writestr("more.txt", b"more")
        with pytest.raises(EvidenceError):
            verify_export(other)
    other.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OutputError, match="not a readable ZIP"):
        verify_export(other)


def test_an_incident_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    assert not export_incident(engine, tmp_path, 9, evidence_key(tmp_path), START, io.BytesIO(), originals=True)

"""What is recorded of a model is what was loaded."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config.detector import DetectorSettings
from monitor.detectors.folder import cached_sha256, sha256_of
from monitor.detectors.unchanged import from_unchanged_files
from monitor.domain.errors import ModelError


def rewrite(file: Path) -> None:
    file.write_text("new", "utf-8")


def replace(file: Path) -> None:
    """As a deployment does, with the size of the old file."""
    other = file.with_name("other")
    other.write_text("new", "utf-8")
    other.replace(file)


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("change", [rewrite, replace, remove])
def test_a_model_that_changes_while_it_is_loaded_is_refused(tmp_path: Path, change: Callable[[Path], None]):
    (tmp_path / "saved_model").mkdir()
    file = tmp_path / "saved_model" / "weights"
    file.write_text("older", "utf-8")

    @from_unchanged_files
    def load(settings: DetectorSettings, threads: int | None = None) -> str:
        change(file)
        return "loaded"

    with pytest.raises(ModelError, match="was changed while it was loaded"):
        load(DetectorSettings(model=tmp_path))


def test_a_model_that_stays_is_loaded(tmp_path: Path):
    (tmp_path / "weights").write_text("old", "utf-8")

    @from_unchanged_files
    def load(settings: DetectorSettings, threads: int | None = None) -> int | None:
        return threads

    assert load(DetectorSettings(model=tmp_path), 3) == 3


def test_the_hash_of_a_file_that_is_replaced_under_its_old_time_and_size_is_the_new_one(tmp_path: Path):
    file = tmp_path / "weights"
    file.write_text("old", "utf-8")
    stat = file.stat()
    assert cached_sha256(file) == sha256_of(file)
    replace(file)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert cached_sha256(file) == sha256_of(file)

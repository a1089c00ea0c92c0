"""The key that signs cookies."""

import os
import stat
from pathlib import Path

import pytest

from monitor.domain.errors import OutputError
from monitor.web.signing_key import signing_key


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path):
    key = signing_key(tmp_path)
    assert len(key) == 32
    assert signing_key(tmp_path) == key
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signing_key(tmp_path / ".." / tmp_path.name) == key


@pytest.mark.parametrize("left", [b"", b"short", b"x" * 31])
def test_a_key_that_was_cut_off_signs_nothing(tmp_path: Path, left: bytes):
    """An empty one would let anybody sign."""
    (tmp_path / "session.key").write_bytes(left)
    key = signing_key(tmp_path)
    assert len(key) == 32
    assert key != left
    assert signing_key(tmp_path) == key


def test_a_folder_that_takes_no_key_is_said_in_words(tmp_path: Path):
    with pytest.raises(OutputError, match=r"session\.key"):
        signing_key(tmp_path / "missing")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing at all

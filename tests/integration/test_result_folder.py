"""The folder that a replay makes for its results."""

from pathlib import Path

import pytest

from monitor.app.replaying import _folder_for_results
from monitor.domain.errors import OutputError
from monitor.storage.files import claimed


def test_a_folder_that_nothing_came_of_goes_again(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="full"), _folder_for_results(tmp_path / "a" / "b"):
        raise OutputError("full")
    assert not (tmp_path / "a").exists()


def test_a_folder_that_another_run_has_claimed_stays_though_it_is_empty(tmp_path: Path) -> None:
    """Both found no folder and made it; the one that is refused must not take it from the other."""
    folder = tmp_path / "a" / "b"
    loser = _folder_for_results(folder)
    loser.__enter__()
    with claimed(folder):
        refusal = OutputError("another run is writing there")
        assert not loser.__exit__(OutputError, refusal, None), "the refusal goes on"
        assert folder.is_dir()

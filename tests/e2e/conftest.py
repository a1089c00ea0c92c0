"""What the end-to-end tests share: a few seconds of people, replayed once."""

from pathlib import Path

import pytest

from tests.e2e.commands import Done, run
from tests.integration.clips import cut_copy
from tests.integration.faces import Scene, read_scenes


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """The first three seconds of the bundled sample, with two people without a mask."""
    return cut_copy(sample, tmp_path_factory.mktemp("people") / "people.mp4", 75)


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory, people: Path) -> tuple[Done, Path]:
    """What a replay of the three seconds prints and leaves."""
    folder = tmp_path_factory.mktemp("replayed")
    return run("replay", people, "--out", "results", cwd=folder), folder / "results"


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return read_scenes()

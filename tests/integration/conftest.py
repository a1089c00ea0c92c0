"""What the integration tests share."""

import pytest

from tests.integration.faces import Scene, read_scenes


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return read_scenes()

"""Places that cannot even be asked about."""

from pathlib import Path

import pytest

from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.sources.opening import make_recording
from monitor.sources.ping import is_reachable


def test_a_recording_whose_folder_cannot_be_looked_into_does_not_answer() -> None:
    """A network drive that has gone answers every question about it with an error."""
    address = SourceAddress("/" + 300 * "x" + "/clip.mp4")
    with pytest.raises(OSError, match="too long"):
        Path(address.value).exists()
    assert not is_reachable(address, 1.0)
    source = make_recording("door", address)
    with pytest.raises(SourceError, match="cannot be read"):
        source.open()

import errno

import pytest
from av import error as refusals

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.sources.diagnosis import explain

ADDRESS = SourceAddress("rtsp://viewer:hunter2@192.0.2.1/cam")


@pytest.mark.parametrize(
    ("error", "waited_s", "cause", "words"),
    [
        (refusals.HTTPUnauthorizedError(1, "x"), 0.1, Cause.WRONG_PASSWORD, "password"),
        (refusals.HTTPNotFoundError(1, "x"), 0.1, Cause.NOT_FOUND, "path"),
        (OSError(errno.EPROTONOSUPPORT, "x"), 0.1, Cause.REFUSED, "capture.transport"),
        (refusals.ExitError(1, "x"), 0.1, Cause.TIMED_OUT, "within 5 s"),
        (OSError(errno.EIO, "x"), 4.9, Cause.TIMED_OUT, "within 5 s"),
    ],
)
def test_what_the_error_tells_is_said(error: Exception, waited_s: float, cause: Cause, words: str) -> None:
    found, said = explain(ADDRESS, error, waited_s, 5.0)
    assert found is cause
    assert words in said
    assert "hunter2" not in said

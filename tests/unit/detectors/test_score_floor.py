import pytest

from monitor.detectors.score_floor import with_all_states


@pytest.mark.parametrize("model", [b"", b"no model\n" * 500, bytes(100_000), b"\x1c\0\0\0TFL3" + bytes(9000)])
def test_what_is_no_model_comes_back_as_it_is(model: bytes) -> None:
    assert with_all_states(model, 0.3) == model

"""A stream that is late: decoding the backlog first, keyframes only where that does not help."""

from monitor.sources.catching_up import CatchingUp


def test_a_backlog_that_shrinks_is_decoded() -> None:
    """Four times as fast as it plays: three seconds late, and in time one second later."""
    catching_up = CatchingUp()
    for step in range(60):
        assert not catching_up.update(0.02 * step, 3.0 - 3 * 0.02 * step, keyframe=False)


def test_a_lag_that_stays_leads_to_keyframes_until_one_is_in_time() -> None:
    catching_up = CatchingUp()
    changed_s = next(step / 10 for step in range(100) if catching_up.update(step / 10, 2.0, keyframe=False))
    assert 0.9 <= changed_s <= 1.5
    assert catching_up.update(5.0, 0.1, keyframe=False), "what is not a keyframe cannot be decoded"
    assert catching_up.update(5.1, 0.4, keyframe=True), "it is still late"
    assert not catching_up.update(5.2, 0.1, keyframe=True)
    assert not catching_up.update(5.3, 0.6, keyframe=False), "late again: the backlog first"


def test_a_short_delay_changes_nothing() -> None:
    catching_up = CatchingUp()
    for step in range(100):
        assert not catching_up.update(step / 10, 0.8 if step % 5 == 0 else 0.1, keyframe=False)

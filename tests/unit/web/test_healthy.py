from pathlib import Path

import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.health import CameraStatus, Condition, Health
from monitor.storage.disk import disk_of
from monitor.web.health import STARTING_S, Reason, unhealthy_reasons


def status(condition: Condition, cause: Cause | None = None, name: str = "door", since_s: float = 0.0) -> CameraStatus:
    return CameraStatus(name, Health(condition, since_s, cause))


def camera(*, required: bool = True) -> CameraSettings:
    return CameraSettings.model_validate({"source": "0", "required": required})


def reasons(*statuses: CameraStatus, required: bool = True, now_s: float = 1000.0) -> list[str]:
    return [reason.text for reason in unhealthy_reasons(statuses, {"door": camera(required=required)}, now_s)]


@pytest.mark.parametrize("condition", [Condition.LIVE, Condition.DEGRADED])
def test_who_sees_is_well(condition: Condition):
    assert reasons(status(condition)) == []
    assert reasons() == []


@pytest.mark.parametrize("condition", [Condition.STALE, Condition.LOST, Condition.FAULT, Condition.STARTING])
def test_a_required_camera_that_is_not_seen_makes_the_monitor_unwell(condition: Condition):
    assert reasons(status(condition)) == [f"door: {condition.value}"]


@pytest.mark.parametrize("condition", [Condition.STALE, Condition.LOST, Condition.STARTING])
def test_any_other_camera_does_not(condition: Condition):
    assert reasons(status(condition), required=False) == []


@pytest.mark.parametrize("cause", [Cause.DETECTOR, Cause.JOURNAL])
def test_a_detector_or_a_journal_that_fails_does_in_any_case(cause: Cause):
    assert reasons(status(Condition.FAULT, cause), required=False) == [f"door: fault ({cause.value})"]


def test_a_start_takes_its_time_but_not_for_ever():
    starting = status(Condition.STARTING, since_s=1000.0)
    assert reasons(starting, now_s=1000 + STARTING_S - 1) == []
    assert reasons(starting, now_s=1000 + STARTING_S) == ["door: starting"]


def test_a_camera_that_the_settings_no_longer_name_counts_as_required():
    assert reasons(status(Condition.LOST, name="yard")) == ["yard: lost"]


def test_a_reason_names_its_camera_and_its_cause():
    """Whoever may see a camera is found by its name, whatever the words are."""
    (reason,) = unhealthy_reasons([status(Condition.LOST, Cause.UNPLUGGED, "door: back")], {}, 1000.0)
    assert reason == Reason("door: back", Cause.UNPLUGGED, "door: back: lost (unplugged)")


def test_the_disk_of_a_folder_is_told_and_of_none_is_not(tmp_path: Path):
    disk = disk_of(tmp_path)
    assert disk is not None
    assert disk.free_mb > 0
    assert 0 <= disk.used_share <= 1
    assert disk_of(tmp_path / "missing") is None

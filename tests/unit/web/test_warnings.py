import os
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.detectors.folder import cached_sha256
from monitor.domain.account import Account, Role
from monitor.storage.disk import Disk
from monitor.web.model import Model
from monitor.web.warning_checks import check, check_clips
from monitor.web.warnings import WarningCode, Warnings
from tests.fakes import FakeClock

ADMIN = Account("ada", Role.ADMIN)
OPERATOR = Account("otto", Role.OPERATOR)
DOOR_OPERATOR = Account("oscar", Role.OPERATOR, frozenset({"door"}))
VIEWER = Account("vera", Role.VIEWER)
DOOR_VIEWER = Account("doris", Role.VIEWER, frozenset({"door"}))
MODEL = Model("SSD", "a" * 64, "litert", "cpu")


def codes(warnings: Warnings, account: Account = ADMIN) -> list[WarningCode]:
    return [warning.code for warning in warnings.visible_to(account)]


def test_a_warning_holds_since_it_was_first_raised_and_until_it_is_cleared():
    clock = FakeClock()
    warnings, began = Warnings(clock), clock.utc
    warnings.set(WarningCode.DISK_NEARLY_FULL, "4 %")
    clock.advance(60)
    warnings.set(WarningCode.DISK_NEARLY_FULL, "3 %")
    (warning,) = warnings.visible_to(ADMIN)
    assert (warning.text, warning.since) == ("3 %", began)
    warnings.clear(WarningCode.DISK_NEARLY_FULL)
    warnings.clear(WarningCode.DISK_NEARLY_FULL)
    assert codes(warnings) == []
    warnings.set(WarningCode.DISK_NEARLY_FULL, "3 %")
    assert warnings.visible_to(ADMIN)[0].since == began + timedelta(seconds=60)


def test_the_oldest_warning_comes_first():
    clock = FakeClock()
    warnings = Warnings(clock)
    warnings.set(WarningCode.MODEL_CHANGED, "x")
    clock.advance(1)
    warnings.set(WarningCode.CONFIGURATION_REFUSED, "x")
    clock.advance(1)
    warnings.set(WarningCode.MODEL_CHANGED, "y")
    assert codes(warnings) == [WarningCode.MODEL_CHANGED, WarningCode.CONFIGURATION_REFUSED]


def test_operators_and_admins_are_told_of_what_they_may_know():
    warnings = Warnings(FakeClock())
    warnings.set(WarningCode.CONFIGURATION_REFUSED, "cameras.yard.source: wrong", names_cameras=True)
    warnings.set(WarningCode.DISK_NEARLY_FULL, "3 %")
    for account in (ADMIN, OPERATOR):
        assert codes(warnings, account) == [WarningCode.CONFIGURATION_REFUSED, WarningCode.DISK_NEARLY_FULL]
    assert codes(warnings, DOOR_OPERATOR) == [WarningCode.DISK_NEARLY_FULL]
    for account in (VIEWER, DOOR_VIEWER):
        assert codes(warnings, account) == []


def test_videos_that_fail_or_begin_too_late_are_warned_of_without_the_folders_of_this_machine():
    warnings = Warnings(FakeClock())
    check_clips(warnings, "/srv/results/clips/x.mp4: cannot be written: No space left on device", ["door", "yard"])
    failing, short = warnings.visible_to(ADMIN)
    assert (failing.code, short.code) == (WarningCode.CLIPS_FAIL, WarningCode.CLIPS_SHORT)
    assert "No space left on device" in failing.text
    assert "/srv" not in failing.text
    assert "door, yard" in short.text
    assert codes(warnings, DOOR_OPERATOR) == []
    check_clips(warnings, None, [])
    assert codes(warnings) == []


@pytest.mark.parametrize(("free_share", "warned"), [(0.5, False), (0.0501, False), (0.0499, True), (0.0, True)])
def test_a_disk_with_less_than_five_per_cent_free_is_warned_of(tmp_path: Path, free_share: float, warned: bool):
    warnings = Warnings(FakeClock())
    check(warnings, tmp_path, MODEL, disk_of_folder=lambda _: Disk(10_000 * free_share, 1 - free_share))
    assert codes(warnings) == ([WarningCode.DISK_NEARLY_FULL] if warned else [])
    check(warnings, tmp_path, MODEL, disk_of_folder=lambda _: Disk(5_000, 0.5))
    assert codes(warnings) == []
    check(warnings, tmp_path, MODEL, disk_of_folder=lambda _: None)
    assert codes(warnings) == [], "a disk that cannot be told is not full"


def test_the_words_say_how_much_is_left(tmp_path: Path):
    warnings = Warnings(FakeClock())
    check(warnings, tmp_path, MODEL, disk_of_folder=lambda _: Disk(3_000, 0.97))
    assert "2.9 GB (3.0 %) free" in warnings.visible_to(ADMIN)[0].text
    check(warnings, tmp_path, MODEL, disk_of_folder=lambda _: Disk(30, 0.999))
    assert "30 MB (0.1 %) free" in warnings.visible_to(ADMIN)[0].text


def test_a_model_file_that_has_changed_since_it_was_loaded_is_warned_of(tmp_path: Path):
    warnings, file = Warnings(FakeClock()), tmp_path / "model.tflite"
    file.write_bytes(b"one")
    model = Model("SSD", cached_sha256(file), "litert", "cpu", file)

    def checked() -> list[WarningCode]:
        check(warnings, tmp_path, model, disk_of_folder=lambda _: Disk(5_000, 0.5))
        return codes(warnings)

    assert checked() == []
    file.write_bytes(b"two, which is longer")
    assert checked() == [WarningCode.MODEL_CHANGED]
    assert "model.tflite has changed" in warnings.visible_to(ADMIN)[0].text
    file.write_bytes(b"one")
    os.utime(file, ns=(1, 1))
    assert checked() == [], "touched, but the same"
    file.unlink()
    assert checked() == [WarningCode.MODEL_CHANGED]
    assert str(tmp_path) not in warnings.visible_to(ADMIN)[0].text
    file.write_bytes(b"one")
    assert checked() == []

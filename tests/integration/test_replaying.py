"""What a replay leaves in its folder, with a detector that finds nobody."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from monitor.app.replaying import ReplayRequest, ReplayResult, camera_for, run_replay
from monitor.config.detector import Backend, Precision
from monitor.config.settings import Settings
from monitor.detectors.folder import ModelFolder
from monitor.detectors.opening import OpenedDetector
from monitor.domain.address import SourceAddress
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.errors import OutputError, SourceError
from monitor.domain.event import EndReason
from tests.fakes import FakeDetector
from tests.integration.clips import write_clip


@pytest.fixture
def replay(tmp_path: Path):
    file = tmp_path / "model" / "model.tflite"
    file.parent.mkdir()
    file.write_bytes(b"no model")
    folder = ModelFolder(
        file.parent, "nobody", None, {1: "mask"}, {1: MaskState.WITH_MASK}, dict.fromkeys(DECIDED_STATES, 0.5),
        Precision.FLOAT,
    )  # fmt: skip
    opened = OpenedDetector(FakeDetector(), folder, Backend.LITERT, file, "cpu", 1, "")

    def run(source: Path, folder: Path, *, video: bool) -> ReplayResult:
        settings = Settings()
        request = ReplayRequest("gate", camera_for(settings, SourceAddress(str(source))), folder, video=video)
        return run_replay(request, [opened])

    return run


def test_results_without_a_video_take_an_earlier_video_with_them(replay, tmp_path: Path) -> None:
    clip, folder = write_clip(tmp_path / "gate.mp4", 5), tmp_path / "results"
    replay(clip, folder, video=True)
    before = {path.name for path in folder.iterdir()}
    replay(clip, folder, video=False)
    assert {path.name for path in folder.iterdir()} == before - {"annotated.mp4"}


def test_a_failed_replay_keeps_the_earlier_video_beside_the_earlier_events(replay, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    replay(write_clip(tmp_path / "gate.mp4", 5), folder, video=True)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(SourceError):
        replay(tmp_path / "missing.mp4", folder, video=False)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_source_is_never_taken_for_an_earlier_video(replay, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "annotated.mp4", 5)
    before = clip.read_bytes()
    with pytest.raises(OutputError, match="is the source itself"):
        replay(clip, tmp_path, video=False)
    assert clip.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"This is a shopping list.\n" * 50])
def test_a_failed_replay_leaves_no_folder_that_was_not_there(replay, tmp_path: Path, content: bytes | None) -> None:
    source, mine = tmp_path / "gate.mp4", tmp_path / "mine"
    if content is not None:
        source.write_bytes(content)
    mine.mkdir()
    before = set(tmp_path.iterdir())
    for folder in (tmp_path / "a" / "b" / "c", mine, mine / "d"):
        with pytest.raises(SourceError):
            replay(source, folder, video=True)
        assert set(tmp_path.iterdir()) == before
        assert list(mine.iterdir()) == []


def test_the_log_of_violations_is_that_of_the_last_replay(replay, tmp_path: Path) -> None:
    clip, folder = write_clip(tmp_path / "gate.mp4", 5), tmp_path / "results"
    folder.mkdir()
    (folder / "violations.log").write_text("of an earlier replay\n")
    replay(clip, folder, video=False)
    assert (folder / "violations.log").read_text() == ""


@pytest.mark.parametrize("damaged", [{0}, {2}, {3}, {0, 1, 3}])
@pytest.mark.parametrize("video", [True, False])
def test_damaged_pictures_of_a_folder_are_dropped_and_counted(
    replay, tmp_path: Path, damaged: set[int], video: bool
) -> None:
    pictures = a_folder(tmp_path, damaged)
    summary = replay(pictures, tmp_path / "results", video=video).summary
    assert summary.frames == 4 - len(damaged)
    assert summary.end_reason is EndReason.DAMAGED
    assert f"{len(damaged)} frame{'s' * (len(damaged) > 1)} cannot be decoded" in (summary.error or "")
    assert f"{min(damaged)}.png" in (summary.error or ""), "it names the first"


def test_a_folder_of_damaged_pictures_alone_is_an_error(replay, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"0\.png: not a readable picture"):
        replay(a_folder(tmp_path, {0, 1, 2, 3}), tmp_path / "results", video=False)


def a_folder(parent: Path, damaged: set[int]) -> Path:
    folder = parent / "pictures"
    folder.mkdir()
    for number in range(4):
        file = folder / f"{number}.png"
        if number in damaged:
            file.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
        else:
            assert cv2.imwrite(str(file), np.full((90, 120, 3), 40 * number, np.uint8))
    return folder

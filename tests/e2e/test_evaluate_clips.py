"""`monitor evaluate-clips` on a clip cut from the sample."""

import json
from pathlib import Path

import pytest

from monitor.domain.address import SourceAddress
from monitor.sources.recording import RecordingSource
from tests.conftest import SAMPLE
from tests.e2e.commands import run
from tests.integration.clips import write_clip

_FRAMES = 45


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of the sample with their first person, and the floor in front as nobody."""
    folder = tmp_path_factory.mktemp("clips")
    source = RecordingSource("sample", SourceAddress(str(SAMPLE)))
    source.open()
    images = []
    for _ in range(_FRAMES):
        assert source.grab() is not None
        images.append(source.retrieve().image)
    source.close()
    write_clip(folder / "entrance.mp4", _FRAMES, (1280, 720), paint=lambda index, *_: images[index])
    one = json.loads(SAMPLE.with_suffix(".json").read_text("utf-8"))["people"][0]
    frames = range(0, _FRAMES, 3)
    people = [
        {
            "name": "p01",
            "spans": [[0, _FRAMES - 1, one["state"]]],
            "boxes": {at: one["boxes"][at - one["first_frame"]] for at in frames},
        },
        {
            "name": "floor",
            "spans": [[0, _FRAMES - 1, "nobody"]],
            "boxes": {at: [20, 620, 100, 700] for at in frames},
        },
    ]
    (folder / "truth.json").write_text(json.dumps({"entrance.mp4": {"fps": 25, "people": people}}))
    return folder


def test_two_settings_side_by_side(folder: Path, tmp_path: Path, project: Path) -> None:
    (tmp_path / "blind.yaml").write_text(
        f"detector: {{model: {project / 'models/ssd-mobilenet-v2-fpnlite-416x256'}}}\nrules: {{min_face_px: 2000}}\n"
    )
    command = (
        "evaluate-clips",
        folder,
        "--config",
        project / "config.yaml",
        "--against",
        "blind.yaml",
        "--fps",
        "12.5",
    )
    done = run(*command, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    values = done.json
    bare, nobody = values["states"]["without_mask"], values["states"]["nobody"]
    assert (bare["people"], bare["people_right"], bare["people_wrong"]) == (1, 1, 0)
    assert bare["right"] > 0.4
    assert (nobody["people"], nobody["people_wrong"]) == (1, 0)
    blind = values["against"]["states"]["without_mask"]
    assert (blind["people_right"], blind["right"]) == (0, 0.0)


def test_a_truth_of_another_clip_is_refused(folder: Path, tmp_path: Path) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    truth["entrance.mp4"]["people"][0]["boxes"][str(_FRAMES)] = [1, 1, 50, 50]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "entrance.mp4").symlink_to(folder / "entrance.mp4")
    done = run("evaluate-clips", tmp_path, cwd=tmp_path)
    assert done.code == 4
    assert "another clip" in done.err

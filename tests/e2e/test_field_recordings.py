"""Recordings as recorders leave them give the figures of the same scene in a file without faults."""

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.e2e.commands import events, run
from tests.fakes import flat
from tests.integration.clips import cut_copy, write_clip

SIZE, FRAMES = (640, 360), 150
ENCODER = {"crf": "18", "preset": "veryfast", "bf": "0"}


@pytest.fixture(scope="session")
def scene(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    """The first six seconds of the sample, in pictures."""
    with av.open(str(sample)) as container:
        frames = (frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), FRAMES))
        return [cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA) for frame in frames]


def write(path: Path, pictures: list[np.ndarray], fps: int = 25, *, start_ms: int = 0, **options: str) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(
            "libx264", rate=fps, options={"crf": "18", "preset": "veryfast", "bf": "0"} | options
        )
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number, picture in enumerate(pictures):
            frame = VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = start_ms + number * 1000 // fps, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def replay(path: Path, *more: str) -> dict[str, Any]:
    folder = path.parent / f"{path.stem}-results"
    done = run("replay", path, "--out", folder, "--no-video", "--json", *more, cwd=path.parent)
    (values,) = json.loads(done.out)
    ended = [line for line in events(folder) if line["event"] == "visit_ended"]
    opened = [line for line in events(folder) if line["event"] == "incident_opened"]
    return {
        "code": done.code,
        "outcomes": sorted(line["outcome"] for line in ended if line["outcome"] != "unknown"),
        "incidents": [round(line["time_s"], 1) for line in opened],
        "notes": " ".join(values["notes"]),
        "error": values["error"],
        "media_s": values["media_s"],
        "frames": values["frames"],
    }


@pytest.fixture(scope="session")
def plain(scene: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the scene gives in an ordinary file."""
    found = replay(write(tmp_path_factory.mktemp("plain") / "plain.mp4", scene))
    assert found["code"] == 0
    assert found["notes"] == ""
    assert len(found["outcomes"]) >= 4
    assert len(found["incidents"]) >= 2
    return found


def raw(folder: Path, scene: list[np.ndarray]) -> Path:
    return write(folder / "raw.h264", scene)


def joined(folder: Path, scene: list[np.ndarray]) -> Path:
    """Two files joined, of which the second counts from its own start."""
    middle = len(scene) // 2
    one = write(folder / "one.ts", scene[:middle], start_ms=50_000)
    two = write(folder / "two.ts", scene[middle:])
    path = folder / "joined.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    return path


def two_tracks(folder: Path, scene: list[np.ndarray]) -> Path:
    """The scene, and beside it another camera's picture, black and smaller."""
    path = folder / "two.ts"
    with av.open(str(path), "w") as output:
        streams = []
        for width, height in (SIZE, (320, 180)):
            stream = output.add_stream("libx264", rate=25, options=ENCODER)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        for picture in scene:
            for stream in streams:
                image = picture if stream.width == SIZE[0] else flat(180, 320, 0)
                output.mux(stream.encode(VideoFrame.from_ndarray(image, format="bgr24")))
        for stream in streams:
            output.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("make", "note"),
    [(raw, "no time"), (joined, "starts again once"), (two_tracks, "")],
    ids=["raw", "joined", "two tracks"],
)
def test_the_figures_are_those_of_an_ordinary_file(
    make: Callable[[Path, list[np.ndarray]], Path],
    note: str,
    scene: list[np.ndarray],
    plain: dict[str, Any],
    tmp_path: Path,
) -> None:
    found = replay(make(tmp_path, scene))
    assert found["code"] == 0
    assert found["error"] is None
    assert found["outcomes"] == plain["outcomes"]
    assert found["incidents"] == pytest.approx(plain["incidents"], abs=0.2)
    assert found["frames"] == plain["frames"]
    assert found["media_s"] == pytest.approx(plain["media_s"], abs=0.1)
    assert note in found["notes"]


def test_an_interlaced_recording_gives_the_figures_of_a_progressive_one(
    scene: list[np.ndarray], plain: dict[str, Any], tmp_path: Path
) -> None:
    woven = []
    for first, second in zip(scene[::2], scene[1::2], strict=True):
        woven.append(first.copy())
        woven[-1][1::2] = second[1::2]
    path = write(tmp_path / "woven.mp4", woven, fps=12, flags="+ildct+ilme", **{"x264-params": "tff=1"})
    found = replay(path)
    assert found["code"] == 0
    assert found["outcomes"] == plain["outcomes"]
    assert len(found["incidents"]) == len(plain["incidents"])


@pytest.mark.parametrize("level", [0, 128])
def test_a_recording_that_shows_nothing_never_ends_well(tmp_path: Path, level: int) -> None:
    path = write_clip(tmp_path / "blank.mp4", 50, paint=lambda _, width, height: flat(height, width, level))
    found = replay(path)
    assert found["code"] == 4
    assert "every picture is of a single colour" in found["error"]


def test_nobody_judged_has_a_reason(sample: Path, tmp_path: Path) -> None:
    """One frame a minute; faces that are too small; nobody there."""
    with av.open(str(sample)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), 0, 970, 97)]
    lapse = write_clip(
        tmp_path / "lapse.mp4", 10, (640, 360), times_ms=[60_000 * number for number in range(10)],
        paint=lambda index, width, height: cv2.resize(pictures[index], (width, height)),
    )  # fmt: skip
    assert "one picture every 60 s is too few" in replay(lapse)["notes"]
    empty = write_clip(tmp_path / "empty.mp4", 50, (640, 360))
    assert "no face was found in 50 frames" in replay(empty)["notes"]
    short = cut_copy(sample, tmp_path / "short.mp4", 1)
    assert "only 1 frame could be analysed" in replay(short)["notes"]

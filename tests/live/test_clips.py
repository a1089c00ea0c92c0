"""Clips of incidents, of real streams whose frames carry their number."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.clock import SystemClock, utc_at
from monitor.domain.detection import Detection
from monitor.domain.event import IncidentClosed, IncidentOpened
from monitor.domain.frame import Image
from monitor.evidence.clips import ClipPlace, ClipRecorder
from monitor.storage.clip_folder import Clip, ClipFolder
from monitor.storage.clips import ClipRepository
from monitor.storage.database import open_database, sqlite_url
from tests.fakes import FACE, WITHOUT, AnsweringDetector
from tests.integration.clips import number_of, numbered, write_clip
from tests.live.servers import HttpCamera, rtsp
from tests.live.watch import Watch, camera, recording, until, watching

FPS = 10
#: The numbers of the frames in which somebody violates.
BARE = range(40, 56)
SOON = {
    "clips": {"enabled": True, "pre_s": 1, "post_s": 1},
    "rules": {"dwell_s": 0.3, "decide_evidence_s": 0.1, "cooldown_s": 0, "min_face_px": 1, "good_face_px": 2},
    "tracking": {"lost_after_s": 0.5, "confirm_hits": 1},
    "detect_fps": "auto",
    "health": {"stale_after_s": 5, "frozen_after_s": 600},
}


@dataclass
class Shot:
    """A clip as it plays: the time in seconds and the number of each frame, and what was noted beside it."""

    clip: Clip
    path: Path
    frames: list[tuple[float, int]]
    notes: dict[str, Any]
    tag: str

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.frames]

    def at(self, time_s: float) -> int:
        """Return the number of the frame that is shown at a time."""
        return [number for shown_s, number in self.frames if shown_s <= time_s + 0.002][-1]


@dataclass
class Clips:
    """The clips that a monitor records."""

    folder: ClipFolder
    clips: ClipRepository
    watch: Watch | None = None
    bare: Callable[[int], bool] = field(default=lambda number: number in BARE)

    def see(self, image: Image) -> list[Detection]:
        return [Detection(FACE, WITHOUT, 1.0)] if self.bare(number_of(image)) else []

    def recorder(self) -> ClipRecorder:
        clock = SystemClock()
        place = ClipPlace(self.folder, lambda: self.clips)
        return ClipRecorder(lambda _: place, [place], clock, lambda time_s: utc_at(clock, time_s))

    def opened(self) -> list[str]:
        assert self.watch is not None
        return [event.incident_id for event in self.watch.told(IncidentOpened) if isinstance(event, IncidentOpened)]

    def of(self, incident_id: str) -> list[Shot]:
        return [self._shot(clip) for clip in self.clips.of_incident(incident_id)]

    def wait(self, incident_id: str, count: int = 1) -> list[Shot]:
        until(lambda: len(self.clips.of_incident(incident_id)) >= count, "a clip")
        return self.of(incident_id)

    def names(self) -> list[str]:
        """Return the names of all files, without those of finished clips."""
        return sorted(path.name for path in self.folder.folder.glob("*/*") if ".partial" in path.name)

    def _shot(self, clip: Clip) -> Shot:
        path = self.folder.video(clip.name)
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            frames = [
                (float(frame.pts * stream.time_base), number_of(frame.to_ndarray(format="bgr24")))
                for frame in container.decode(stream)
            ]
            tag = stream.codec_context.codec_tag
        return Shot(clip, path, frames, json.loads(self.folder.boxes(clip.name).read_text()), tag)


@contextmanager
def recorded(folder: Path, **cameras: CameraSettings) -> Iterator[Clips]:
    """Watch cameras that keep clips."""
    engine = open_database(sqlite_url(folder / "journal.db"))
    clips = Clips(ClipFolder(folder / "clips"), ClipRepository(engine))
    try:
        with watching(
            cameras, folder, open_detector=lambda: AnsweringDetector(clips.see), clips=clips.recorder()
        ) as watch:
            clips.watch = watch
            yield clips
    finally:
        engine.dispose()


def numbered_clip(path: Path, frames: int = 100, **more: Any) -> Path:
    encoder = {"g": str(FPS), "bf": "2", "b_strategy": "0", "sc_threshold": "0"} | more.pop("encoder", {})
    return write_clip(path, frames, (320, 240), FPS, encoder=encoder, **more)


def holds(shot: Shot, post_s: float = 1.0) -> None:
    """Hold a clip to what every one is: complete, in order, in time, from before the violation until after it."""
    numbers, times = shot.numbers, [time_s for time_s, _ in shot.frames]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "no frame is missing, and none comes twice"
    assert numbers[0] <= BARE[0] - FPS, "a second before the violation"
    assert numbers[0] >= BARE[0] - 3 * FPS - 5, "and not much more: from a keyframe"
    assert numbers[-1] >= BARE[-1] + post_s * FPS
    assert numbers[-1] <= BARE[-1] + (post_s + 2) * FPS
    assert times[0] == 0
    assert all(abs(time_s - index / FPS) < 0.02 for index, time_s in enumerate(times)), "its own timing"
    data = shot.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first"
    seen = {shot.at(frame["at"]) for frame in shot.notes["frames"] if frame["people"]}
    assert seen, "people are noted"
    assert seen <= set(BARE), "at the very frames that show them"
    (incident,) = shot.notes["incidents"]
    assert abs(shot.at(incident["since_s"]) - BARE[0]) <= 3
    assert shot.path.stat().st_mode & 0o077 == 0


def test_a_stream_is_copied_as_it_came(gstreamer: None, tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "given.mp4")
    with rtsp("--file", str(path)) as server, recorded(tmp_path, door=camera(server.url(), **SOON)) as clips:
        until(clips.opened)
        (shot,) = clips.wait(clips.opened()[0])
        assert shot.clip.codec == "h264"
        holds(shot)
        assert not clips.names(), "nothing half done is left"


def test_overlapping_incidents_share_a_clip_of_a_played_file(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "given.mp4")
    with recorded(tmp_path, door=recording(path, **SOON)) as clips:
        clips.bare = lambda number: number in range(40, 46) or number in range(52, 58)
        until(lambda: len(clips.opened()) >= 2)
        first, second = clips.opened()[:2]
        (shot,) = clips.wait(second)
        assert [each.clip.name for each in clips.of(first)] == [shot.clip.name]
        assert shot.numbers == list(range(shot.numbers[0], shot.numbers[-1] + 1))
        assert shot.numbers[0] <= 30
        assert shot.numbers[-1] >= 67
        assert [each["incident_id"] for each in shot.notes["incidents"]] == [first, second]
        assert all(each["closed_s"] > each["since_s"] for each in shot.notes["incidents"])


def test_hevc_says_that_its_parameters_are_in_the_header(tmp_path: Path) -> None:
    encoder = {"x265-params": f"log-level=0:keyint={FPS}:bframes=2"}
    path = write_clip(tmp_path / "given.mp4", 100, (320, 240), FPS, codec="libx265", encoder=encoder)
    with recorded(tmp_path, door=recording(path, **SOON)) as clips:
        until(clips.opened)
        (shot,) = clips.wait(clips.opened()[0])
        assert (shot.clip.codec, shot.tag) == ("hevc", "hvc1")
        holds(shot)


def test_another_size_within_the_stream_begins_another_part(tmp_path: Path) -> None:
    small = numbered_clip(tmp_path / "small.ts", 45)
    large = write_clip(
        tmp_path / "large.ts", 60, (480, 360), FPS, encoder={"g": "10"},
        paint=lambda index, width, height: numbered(index + 45, width, height),
    )  # fmt: skip
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with recorded(tmp_path, door=recording(both, **SOON)) as clips:
        until(lambda: len(clips.opened()) >= 1)
        clips.bare = lambda number: number in BARE  # in view before and after the change
        first, second = clips.wait(clips.opened()[0], 2)
        assert (first.clip.width_px, second.clip.width_px) == (320, 480)
        assert first.numbers[-1] < 45 <= second.numbers[0]


def test_motion_jpeg_is_encoded_with_the_times_of_arrival(tmp_path: Path) -> None:
    with HttpCamera(FPS) as door, recorded(tmp_path, door=camera(door.url, **SOON)) as clips:
        clips.bare = lambda _: not clips.opened() or not clips.watch.told(IncidentClosed)
        until(clips.opened)
        clips.bare = lambda _: False
        (shot,) = clips.wait(clips.opened()[0])
        assert shot.clip.codec == "h264"
        times = [time_s for time_s, _ in shot.frames]
        assert 2 <= times[-1] <= 8
        assert all(0.02 < later - time_s < 1 for time_s, later in zip(times, times[1:], strict=False))


def test_a_full_disk_is_a_fault_that_ends_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = numbered_clip(tmp_path / "given.mp4")
    blocked = tmp_path / "clips"
    blocked.write_text("in the way")
    with recorded(tmp_path, door=recording(path, **SOON)) as clips:
        until(clips.opened)
        assert clips.watch is not None
        assert clips.watch.live.clips is not None
        recorder = clips.watch.live.clips
        until(lambda: recorder.fault is not None)
        blocked.unlink()
        until(lambda: len(clips.opened()) > 1)
        clips.wait(clips.opened()[-1])
        until(lambda: recorder.fault is None)
    assert caplog.text.count("clips cannot be recorded") == 1

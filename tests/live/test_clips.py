"""Clips of incidents, of real streams whose frames carry their number."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
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
from tests.live.running import Run, played
from tests.live.servers import HttpCamera, rtsp
from tests.live.watch import Watch, camera, recording, until, watching

FPS = 20
#: Frames of a clip, more than any test needs, and the most that their numbers can tell apart.
LONG, NUMBERS = 700, 256
#: The first frame in which somebody violates.
FIRST = 50
#: The cameras by the width of their pictures.
CAMERAS = {320: "door", 352: "hall", 480: "door"}
SOON = {
    "clips": {"enabled": True, "pre_s": 1, "post_s": 1},
    "rules": {"dwell_s": 0.3, "false_alarm_rate": 0.2, "cooldown_s": 0, "min_face_px": 1},
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
    #: The numbers of the frames in which each camera showed somebody, by the width of its pictures.
    shown: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def bare(self, camera: str, number: int) -> bool:
        """Whether somebody is in view: from a frame on, until there is an incident."""
        return number >= FIRST and not self.opened(camera)

    def see(self, image: Image) -> list[Detection]:
        width, number = image.shape[1], number_of(image)
        if self.watch is None or not self.bare(CAMERAS[width], number):
            return []
        self.shown[width].append(number)
        return [Detection(FACE, WITHOUT, 1.0)]

    def recorder(self) -> ClipRecorder:
        clock = SystemClock()
        place = ClipPlace(self.folder, lambda: self.clips)
        return ClipRecorder(lambda _: place, [place], clock, lambda time_s: utc_at(clock, time_s))

    def opened(self, camera: str = "door") -> list[str]:
        """Return the incidents of a camera."""
        assert self.watch is not None
        told = self.watch.told(IncidentOpened, source=camera)
        return [event.incident_id for event in told if isinstance(event, IncidentOpened)]

    def closed(self) -> int:
        """Return how many incidents have ended."""
        assert self.watch is not None
        return len(self.watch.told(IncidentClosed))

    def first(self, camera: str, count: int = 1) -> Any:
        """Wait for the first incident of a camera, or the first ones."""
        until(lambda: len(self.opened(camera)) >= count, "an incident")
        return self.opened(camera)[:count] if count > 1 else self.opened(camera)[0]

    def of(self, incident_id: str) -> list[Shot]:
        return [self._shot(clip) for clip in self.clips.of_incident(incident_id)]

    def wait(self, incident_id: str, count: int = 1) -> list[Shot]:
        until(lambda: len(self.clips.of_incident(incident_id)) >= count, "a clip")
        return self.of(incident_id)

    def half_done(self) -> list[str]:
        """Return the files of clips that are not complete."""
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


def numbered_clip(
    path: Path, frames: int = LONG, size: tuple[int, int] = (320, 240), first: int = 0, codec: str = "libx264"
) -> Path:
    """Write a clip with B-frames and a keyframe every second."""
    encoder = {"g": str(FPS), "bf": "2", "b_strategy": "0", "sc_threshold": "0", "preset": "ultrafast"}
    if codec == "libx265":
        encoder = {"x265-params": f"log-level=0:keyint={FPS}:bframes=2", "preset": "ultrafast"}

    def paint(index: int, width: int, height: int) -> Image:
        return numbered((first + index) % NUMBERS, width, height)

    return write_clip(path, frames, size, FPS, codec=codec, encoder=encoder, paint=paint)


def holds(shot: Shot, shown: list[int]) -> None:
    """Hold a clip to what every one is: complete, in order, in time, from before the violation until after it."""
    numbers, times = shot.numbers, [time_s for time_s, _ in shot.frames]
    assert all((later - number) % NUMBERS == 1 for number, later in pairwise(numbers)), "no frame is missing, or twice"
    (incident,) = shot.notes["incidents"]
    assert shot.at(incident["since_s"]) in shown
    assert 1 <= incident["since_s"] < 3.5, "a second before, from a keyframe"
    assert 0.9 <= times[-1] - incident["closed_s"] < 2, "and one after"
    assert times[0] == 0
    assert all(abs(time_s - index / FPS) < 0.02 for index, time_s in enumerate(times)), "its own timing"
    data = shot.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first"
    assert shot.path.stat().st_mode & 0o077 == 0
    seen = {shot.at(frame["at"]) for frame in shot.notes["frames"] if frame["people"]}
    assert seen, "people are noted"
    assert seen <= set(shown), "at the very frames that show them"


def test_packets_are_copied_as_they_came(gstreamer: None, tmp_path: Path) -> None:
    h264 = numbered_clip(tmp_path / "h264.mp4")
    hevc = numbered_clip(tmp_path / "hevc.mp4", 200, (352, 240), codec="libx265")
    with (
        rtsp("--file", str(h264)) as server,
        recorded(tmp_path, door=camera(server.url(), **SOON), hall=recording(hevc, **SOON)) as clips,
    ):
        for name, width, kind in (("door", 320, ("h264", "avc1")), ("hall", 352, ("hevc", "hvc1"))):
            (shot,) = clips.wait(clips.first(name))
            assert (shot.clip.codec, shot.tag) == kind
            holds(shot, clips.shown[width])
        until(lambda: not clips.half_done(), clips.half_done)


def test_overlapping_incidents_share_a_clip(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "given.mp4", 250)
    with recorded(
        tmp_path, door=recording(path, **SOON | {"clips": {"enabled": True, "pre_s": 1, "post_s": 6}})
    ) as clips:
        clips.bare = lambda _, number: number >= FIRST and clips.closed() == len(clips.opened()) < 2
        first, second = clips.first("door", 2)
        shot = clips.wait(second)[0]
        assert [each.clip.name for each in clips.of(first)] == [shot.clip.name]
        assert [each["incident_id"] for each in shot.notes["incidents"]] == [first, second]


def test_another_size_within_the_stream_begins_another_part(tmp_path: Path) -> None:
    small = numbered_clip(tmp_path / "small.ts", 75)
    large = numbered_clip(tmp_path / "large.ts", 160, (480, 360), first=75)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with recorded(
        tmp_path, door=recording(both, **SOON | {"clips": {"enabled": True, "pre_s": 1, "post_s": 4}})
    ) as clips:
        clips.bare = lambda _, number: number in range(20, 75) and len(clips.opened()) < 2
        first, second = clips.wait(clips.first("door"), 2)
        assert (first.clip.width_px, second.clip.width_px) == (320, 480)
        assert first.numbers == list(range(first.numbers[0], 75))
        assert second.numbers[0] == 75


def test_motion_jpeg_is_encoded_with_the_times_of_arrival(tmp_path: Path) -> None:
    with HttpCamera(FPS) as door, recorded(tmp_path, door=camera(door.url, **SOON)) as clips:
        clips.bare = lambda camera, _: not clips.opened(camera)
        (shot,) = clips.wait(clips.first("door"))
        assert shot.clip.codec == "h264"
        times = [time_s for time_s, _ in shot.frames]
        assert 0.7 <= times[-1] <= 20
        assert all(0.01 < later - time_s < 2 for time_s, later in pairwise(times))


def test_a_folder_that_cannot_be_written_is_a_fault_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = numbered_clip(tmp_path / "given.mp4", 100)
    in_the_way = tmp_path / "clips"
    in_the_way.write_text("")
    with recorded(tmp_path, door=recording(path, **SOON)) as clips:
        clips.bare = lambda _, number: True
        assert clips.watch is not None
        recorder = clips.watch.live.clips
        assert recorder is not None
        until(lambda: recorder.fault is not None)
        in_the_way.unlink()
        until(lambda: recorder.fault is None)
        clips.bare = lambda _, number: False
        clips.wait(clips.first("door"))
    assert caplog.text.count("clips cannot be recorded") == 1


def test_a_killed_run_leaves_a_clip_that_the_next_one_completes(runs: list[Run], sample: Path, tmp_path: Path) -> None:
    eager = {"rules": {"dwell_s": 0.2}, "clips": {"enabled": True, "pre_s": 1, "post_s": 20}}
    run = Run(tmp_path, {"door": played(sample, **eager)}, web={"enabled": False})
    runs.append(run)
    folder = ClipFolder(run.journal.parent / "clips")
    until(lambda: any(folder.packets(name).stat().st_size > 100_000 for name in folder.unfinished()), lambda: run.said)
    run.process.kill()
    run.process.wait()
    (begun,) = folder.unfinished()
    again = Run(tmp_path, {"door": played(sample, **eager)}, web={"enabled": False})
    runs.append(again)
    again.wait("completing 1 clips")
    until(lambda: again.ask(f"SELECT name FROM clips WHERE name = '{begun}'"), lambda: again.said)
    until(lambda: begun not in folder.unfinished())
    again.stop()
    with av.open(str(folder.video(begun))) as container:
        assert len(list(container.decode(video=0))) > FPS
    assert folder.read_boxes(begun)["incidents"], "it says whom it shows"
    rows = {name for (name,) in again.ask("SELECT name FROM clips")}
    files = {str(path.relative_to(folder.folder)).removesuffix(".mp4") for path in folder.folder.glob("*/*.mp4")}
    assert rows | set(folder.unfinished()) == {name.removesuffix(".partial") for name in files}

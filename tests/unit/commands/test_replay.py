import hashlib

import pytest

from monitor.commands.replay import plan_replays
from monitor.config.camera import CameraSettings
from monitor.config.journal import OutputSettings
from monitor.config.rules import RulesSettings
from monitor.config.settings import Settings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import ConfigError, SourceError


def camera(source, **rules):
    return CameraSettings(source=SourceAddress(source), rules=RulesSettings(**rules))


SETTINGS = Settings(
    rules=RulesSettings(dwell_s=7),
    cameras={
        "door": camera("day.mp4", dwell_s=3),
        "hall": camera("rtsp://u:p@192.0.2.1/s"),
        "desk": camera("0"),
        "yard": camera("yard.mp4"),
    },
)


def plan(videos=(), name=None, folder=None, settings=SETTINGS):
    return plan_replays(settings, list(videos), name, folder)


def test_without_videos_the_recorded_cameras_are_replayed(tmp_path):
    plans = plan()
    assert [one.name for one in plans] == ["door", "yard"]
    assert [one.folder for one in plans] == [SETTINGS.output.folder / "door", SETTINGS.output.folder / "yard"]
    assert plans[0].camera.rules.dwell_s == 3


def test_a_video_is_judged_by_the_global_rules():
    (one,) = plan(["clips/a.mp4"])
    assert (one.name, one.camera.source.value, one.camera.rules.dwell_s) == ("a", "clips/a.mp4", 7)


def test_a_video_may_be_judged_by_a_cameras_rules():
    (one,) = plan(["clips/a.mp4"], name="door")
    assert (one.camera.source.value, one.camera.rules.dwell_s) == ("clips/a.mp4", 3)


def test_one_camera_may_be_chosen():
    assert [one.name for one in plan(name="yard")] == ["yard"]


def test_results_of_one_go_to_the_folder_itself_of_many_below_it(tmp_path):
    assert [one.folder for one in plan(["a.mp4"], folder=tmp_path)] == [tmp_path]
    assert [one.folder for one in plan(["a.mp4", "b.mp4"], folder=tmp_path)] == [tmp_path / "a", tmp_path / "b"]


def test_videos_of_the_same_name_have_folders_of_their_own():
    assert [one.name for one in plan(["x/a.mp4", "y/a.mp4", "z/a.mkv", "a-2.mp4"])] == [
        "a.mp4",
        "a.mp4-2",
        "a.mkv",
        "a-2",
    ]


def test_videos_that_differ_in_their_extension_alone_keep_it():
    assert [one.name for one in plan(["clip.mov", "clip.mkv", "clip.avi"])] == ["clip.mov", "clip.mkv", "clip.avi"]
    assert [one.folder.name for one in plan(["Clip.mov", "clip.mkv", "gate.mp4"])] == ["Clip.mov", "clip.mkv", "gate"]
    assert [one.name for one in plan(["x/a.mp4", "y/a.mp4"])] == ["a", "a-2"]


@pytest.mark.parametrize("name", ["live", "Live", "LIVE", "sample", "images", "kiosk", "samples"])
def test_folders_that_belong_to_others_are_left_alone(tmp_path, name):
    (one,) = plan([f"{name}.mp4"])
    folder = SETTINGS.output.folder
    assert (one.name, one.folder, one.avoided) == (name, folder / f"{name}-2", folder / name)
    (chosen,) = plan([f"{name}.mp4"], folder=tmp_path / "live")
    assert (chosen.folder, chosen.avoided) == (tmp_path / "live", None)


def test_a_camera_called_live_keeps_its_name_but_not_the_live_monitors_folder(tmp_path):
    settings = Settings(
        output=OutputSettings(folder=tmp_path), cameras={"live": camera("a.mp4"), "live-2": camera("b.mp4")}
    )
    plans = plan(settings=settings)
    assert [(one.name, one.folder.name) for one in plans] == [("live", "live-2"), ("live-2", "live-2-2")]


def test_names_that_differ_in_case_alone_have_folders_apart():
    assert [one.folder.name for one in plan(["x/Gate.mp4", "gate.mp4"])] == ["Gate", "gate-2"]


def test_another_recordings_results_are_left_alone(tmp_path):
    settings = Settings(output=OutputSettings(folder=tmp_path / "results"))
    videos = []
    for number, name in enumerate(("gate", "gate-2"), start=1):
        videos.append(tmp_path / str(number) / "gate.mp4")
        videos[-1].parent.mkdir()
        videos[-1].write_bytes(name.encode())
        (tmp_path / "results" / name).mkdir(parents=True)
        digest = hashlib.sha256(name.encode()).hexdigest()
        (tmp_path / "results" / name / "report.html").write_text(f"<code>{digest}</code>")
    videos.append(tmp_path / "gate.mp4")
    videos[-1].write_bytes(b"a third one")
    found = [plan([str(video)], settings=settings)[0] for video in videos]
    assert [one.folder.name for one in found] == ["gate", "gate-2", "gate-3"]
    assert [one.avoided and one.avoided.name for one in found] == [None, "gate", "gate"]
    assert {one.name for one in found} == {"gate"}


def test_every_plan_has_a_name_of_its_own_that_stays_below_the_folder(tmp_path):
    videos = [
        "..",
        ".",
        "a/..",
        "x" * 300 + ".mp4",
        "y" * 64 + "1.mp4",
        "y" * 64 + "2.mp4",
        "a\nb.mp4",
        ".mp4",
        "../../z.mp4",
    ]
    plans = plan(videos, folder=tmp_path)
    names = [one.name for one in plans]
    assert len(set(names)) == len(videos)
    for one in plans:
        assert one.folder.resolve().parent == tmp_path.resolve()
        assert one.name.isprintable()
        assert len(one.name) <= 64


def test_a_name_that_is_not_utf_8_is_refused():
    with pytest.raises(SourceError) as caught:
        plan(["caf\udce9.mp4"])
    str(caught.value).encode()


def test_a_camera_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(ConfigError, match=r"'attic'.*door, hall, desk, yard"):
        plan(name="attic")


def test_nothing_to_replay():
    with pytest.raises(ConfigError, match="nothing to replay"):
        plan(settings=Settings())


@pytest.mark.parametrize("video", ["rtsp://u:hunter2@192.0.2.1/s", "0", "/dev/video0"])
def test_a_camera_that_never_ends_is_refused_without_its_secret(video):
    with pytest.raises(SourceError) as caught:
        plan([video])
    assert "hunter2" not in str(caught.value)

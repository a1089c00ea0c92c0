"""Commands that are given what is not there say so, before anything is loaded or written."""

import pytest

from monitor.app.signals import SignalFlags
from monitor.bench.clips import make_clip
from monitor.commands.kiosk import kiosk
from monitor.commands.probe import probe
from monitor.commands.score import score
from monitor.config.camera import CameraSettings
from monitor.config.settings import Settings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import ConfigError, SourceError

SETTINGS = Settings(
    cameras={name: CameraSettings(source=SourceAddress("rtsp://192.0.2.1/s")) for name in ("entrance", "yard")}
)


def test_probe_names_the_cameras():
    with pytest.raises(SourceError, match=r"^entrnace: no such file, and no such camera;.* entrance, yard$"):
        probe(SETTINGS, "entrnace", None, as_json=False)
    with pytest.raises(SourceError, match="the configuration has none"):
        probe(Settings(), "entrance", None, as_json=False)


def test_score_names_the_video_and_not_its_truth(tmp_path):
    video = tmp_path / "gate.mp4"
    with pytest.raises(SourceError, match=r"gate\.mp4: no such file"):
        score(Settings(), video, None, None, as_json=False)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), (b"", "is empty"), (b"no video" * 99, "Invalid data")]
)
def test_a_benchmark_says_what_is_wrong_with_its_video(tmp_path, content, words):
    video = tmp_path / "gate.mp4"
    if content is not None:
        video.write_bytes(content)
    with pytest.raises(SourceError, match=rf"gate\.mp4: .*{words}") as caught:
        make_clip(video, tmp_path / "clip.mp4", 64, 64, 5)
    assert "Error" not in str(caught.value)


def test_a_kiosk_without_cameras_is_told_as_a_monitor_without_any(tmp_path):
    (tmp_path / "config.yaml").write_text("cameras: {}\n")
    with pytest.raises(ConfigError, match="the configuration names no camera: add one under 'cameras:'"):
        kiosk(tmp_path / "config.yaml", SignalFlags(), None, None)

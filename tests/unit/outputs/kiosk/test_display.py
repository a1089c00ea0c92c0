import cv2
import pytest

from monitor.domain.errors import OutputError
from monitor.outputs.kiosk.display import PACKAGES, opened_display


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "no screen: start it in a desktop session, or set DISPLAY"),
        ({"DISPLAY": ""}, "no screen"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "no screen"),
        ({"DISPLAY": ":9876"}, "the X server :9876 does not respond"),
    ],
)
def test_where_no_window_opens_one_line_says_what_to_do(environment, words):
    with pytest.raises(OutputError) as caught, opened_display(environment):
        pass
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_library_is_named(tmp_path):
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "libqxcb.so").write_bytes(b"no library")
    environment = {"DISPLAY": ":9876", "QT_QPA_PLATFORM_PLUGIN_PATH": str(tmp_path)}
    with (
        pytest.raises(
            OutputError, match=r"no window can open: .*libqxcb.so: file too short; on Debian: apt-get install"
        ),
        opened_display(environment),
    ):
        pass


def test_where_opencv_came_without_windows_the_remedy_is_complete(monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    with pytest.raises(OutputError) as caught, opened_display({"DISPLAY": ":0"}):
        pass
    message = str(caught.value)
    assert f"apt-get install {' '.join(PACKAGES)}, then rm -r .venv and start it again" in message
    assert "headless" not in message

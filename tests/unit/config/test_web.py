"""The section `web`."""

from pathlib import Path

import pytest

from monitor.config.loading import load_settings
from monitor.config.web import WebSettings
from monitor.domain.errors import ConfigError


def load(tmp_path: Path, text: str) -> WebSettings:
    path = tmp_path / "config.yaml"
    path.write_text(f"web:\n  base_path: {text}\n", "utf-8")
    return load_settings(path, {}).web


@pytest.mark.parametrize(
    ("text", "path"),
    [('""', ""), ("/", ""), ("/mask", "/mask"), ("/mask/", "/mask"), ("/a/B-1/x_y.z~", "/a/B-1/x_y.z~")],
)
def test_the_base_path_has_no_slash_at_its_end(tmp_path: Path, text: str, path: str):
    assert load(tmp_path, text).base_path == path


@pytest.mark.parametrize(
    "text", ["mask", "//mask", "/a//b", "/a/../b", "/.", "'/a b'", "/a?b", "'/a#b'", "/ä", "http://x/mask", "'/{a}'"]
)
def test_any_other_base_path_is_a_fault(tmp_path: Path, text: str):
    with pytest.raises(ConfigError, match=r"config.yaml:2: web.base_path: found .*; expected a path such as /mask, "):
        load(tmp_path, text)


@pytest.mark.parametrize("path", ["/kiosk", "/static/", "/api/v1"])
def test_a_base_path_that_begins_like_the_monitors_own_is_a_fault(tmp_path: Path, path: str):
    with pytest.raises(ConfigError, match=rf"itself has pages under /{path.split('/')[1]}; choose another path$"):
        load(tmp_path, path)

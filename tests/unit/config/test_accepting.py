"""Adding an accepted model to a configuration file as people write them."""

import pytest

from monitor.config.accepting import accept
from monitor.config.loading import load_settings
from monitor.domain.errors import ConfigError
from tests.conftest import PROJECT

OLD, NEW = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"detector:\n  accepted_sha256: [{NEW}]\n"),
        ("web: {port: 81}  # why\n", f"web: {{port: 81}}  # why\n\ndetector:\n  accepted_sha256: [{NEW}]\n"),
        (
            "# first\ndetector:\n    # the fast one\n    backend: litert  # why\nweb: {port: 81}\n",
            "# first\ndetector:\n    # the fast one\n"
            f"    accepted_sha256: [{NEW}]\n    backend: litert  # why\nweb: {{port: 81}}\n",
        ),
        ("detector:\n  accepted_sha256: [] # ours\n", f"detector:\n  accepted_sha256: [{NEW}] # ours\n"),
        (f"detector:\n  accepted_sha256: [{OLD}]\n", f"detector:\n  accepted_sha256: [{OLD}, {NEW}]\n"),
    ],
)
def test_one_line_changes_and_everything_else_stays(tmp_path, before, after):
    file = tmp_path / "config.yaml"
    file.write_text(before)
    file.chmod(0o640)
    accept(file, NEW)
    assert file.read_text() == after
    assert file.stat().st_mode & 0o777 == 0o640
    assert load_settings(file).detector.accepted_sha256[-1] == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_the_projects_own_file_can_be_changed(tmp_path):
    file = tmp_path / "config.yaml"
    text = (PROJECT / "config.yaml").read_text("utf-8")
    file.write_text(text, "utf-8")
    accept(file, NEW)
    assert file.read_text("utf-8") == text.replace("accepted_sha256: []", f"accepted_sha256: [{NEW}]")


@pytest.mark.parametrize(
    "text",
    [
        "{detector: {backend: litert}}",
        "detector: {backend: litert}",
        f"detector:\n  accepted_sha256:\n    - {OLD}\n",
        "detector:\n  accepted_sha256: [",
        "- one",
        "detector: no",
    ],
)
def test_what_cannot_be_changed_stays_and_the_line_to_add_is_told(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"add by hand, under detector: accepted_sha256: \\[{NEW}\\]"):
        accept(file, NEW)
    assert file.read_text() == text

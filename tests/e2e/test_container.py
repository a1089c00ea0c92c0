"""The container and the service, as far as they can be tried without a Docker engine and without systemd running."""

import os
import shutil
import subprocess

import pytest

from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What `scripts/container-check` says."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("building a Debian root needs the superuser and debootstrap")
    folder = tmp_path_factory.mktemp("container")
    done = subprocess.run(
        [PROJECT / "scripts" / "container-check"],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert not list(folder.iterdir())
    return done.stdout


@pytest.mark.timeout(1200)
def test_the_image_is_built_small_and_becomes_healthy(checked):
    for word in (
        "image tree",
        "its list names every package",
        "without an account: error:",
        "healthy after",
        "uid 10001",
        "SIGTERM: exit code 0",
    ):
        assert word in checked


@pytest.mark.timeout(1200)
def test_the_listed_packages_are_all_that_a_window_needs(checked):
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    assert "all libraries found" in checked
    assert "a window opened" in checked


def test_systemd_understands_the_service(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = (PROJECT / "deploy" / "mask-monitor.service").read_text("utf-8")
    unit = tmp_path / "mask-monitor.service"
    unit.write_text(text.replace("/opt/mask-monitor/deploy/monitor", "/bin/true"), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

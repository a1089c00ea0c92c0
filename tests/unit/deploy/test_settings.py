"""The files that a deployment starts from agree with the image and with the defaults."""

import re
from pathlib import Path

import pytest
import yaml

from monitor.config.loading import load_settings
from monitor.domain.errors import ConfigError, ModelError
from monitor.pipeline.process import FILES
from tests.conftest import PROJECT
from tests.unit.deploy.test_dockerfile import image_of

UNIT = PROJECT / "deploy" / "mask-monitor.service"


@pytest.fixture(scope="module")
def settings():
    return load_settings(PROJECT / "deploy" / "config" / "config.yaml", {})


@pytest.fixture(scope="module")
def service():
    return yaml.safe_load((PROJECT / "compose.yaml").read_text("utf-8"))["services"]["monitor"]


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """The settings of the unit, each with its values."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def test_the_containers_settings_name_what_the_image_has(settings):
    places = [settings.detector.model, *(Path(str(camera.source)) for camera in settings.cameras.values())]
    for place in places:
        assert (PROJECT / place.relative_to("/opt/mask-monitor")).exists()
    assert settings.output.folder == Path("/recordings")


def test_the_containers_detector_is_the_projects(settings):
    usual = load_settings(PROJECT / "config.yaml", {}).detector
    assert settings.detector.model.name == usual.model.name
    assert settings.detector.model_copy(update={"model": usual.model}) == usual


def test_the_health_check_asks_where_the_settings_serve(settings):
    assert f"http://127.0.0.1:{settings.web.port}/healthz" in image_of("cpu").health[-1]
    assert settings.web.host == "0.0.0.0"


def test_compose_gives_nothing_that_is_not_needed(service, settings):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ports"] == [f"127.0.0.1:{settings.web.port}:{settings.web.port}"]
    assert {volume.split(":")[1] for volume in service["volumes"]} == set(image_of("cpu").volumes)
    assert service["build"]["target"] == "cpu"


def test_compose_limits_what_a_container_may_use(service):
    assert service["ulimits"] == {"nofile": FILES, "core": 0}
    assert 0 < service["pids_limit"] <= 1024
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["mem_limit"] == "2g"


def test_the_service_has_the_limits_of_the_container(unit, service):
    assert unit["LimitNOFILE"] == [str(FILES)]
    assert unit["TasksMax"] == [str(service["pids_limit"])]
    assert unit["MemoryMax"] == ["2G"]
    assert int(unit["LogRateLimitBurst"][0]) > 0
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]
    assert unit["NoNewPrivileges"] == ["yes"]


def test_the_service_does_not_restart_for_ever(unit):
    """A failure that a restart cannot mend ends it at once, and any other after some minutes."""
    assert unit["Restart"] == ["on-failure"]
    prevented = {int(code) for code in unit["RestartPreventExitStatus"][0].split()}
    assert prevented == {2, ConfigError.exit_code, ModelError.exit_code}
    starts, interval_s = int(unit["StartLimitBurst"][0]), 3600
    assert unit["StartLimitIntervalSec"] == ["1h"]
    pause_s = int(unit["RestartSec"][0])
    assert 120 < starts * pause_s < starts * (pause_s + 45) < interval_s, "a start takes 45 s at most"


def test_the_service_starts_the_installed_monitor():
    text = UNIT.read_text("utf-8")
    command = re.search(r"^ExecStart=(\S+) run --config /etc/mask-monitor/config.yaml$", text, re.MULTILINE)
    assert command is not None
    program = PROJECT / Path(command[1]).relative_to("/opt/mask-monitor")
    assert program.stat().st_mode & 0o111

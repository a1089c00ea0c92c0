"""Warnings through the API and the live socket."""

from typing import Any

from monitor.domain.account import Account
from monitor.web.warnings import WarningCode
from tests.integration.web.desk import ADMIN, DOOR_OPERATOR, DOOR_VIEWER, OPERATOR, VIEWER, Desk

TEXT = "The changed configuration is refused. cameras.yard.source: wrong"


def told(desk: Desk, account: Account) -> list[dict[str, Any]]:
    with desk.client(account) as client:
        return client.get("/api/v1/health").json()["warnings"]


def test_a_warning_is_on_the_desk_and_in_the_health_report_until_it_is_cleared(desk: Desk):
    warnings = desk.web_server.warnings
    with desk.socket(ADMIN) as socket:
        assert socket.wait("warnings", within_s=5)["warnings"] == []
        warnings.set(WarningCode.CONFIGURATION_REFUSED, TEXT, names_cameras=True)
        try:
            (pushed,) = socket.wait("warnings", within_s=5)["warnings"]
            assert (pushed["code"], pushed["text"]) == ("configuration_refused", TEXT)
            assert pushed["since"].endswith(("Z", "+00:00"))
            assert told(desk, ADMIN) == told(desk, OPERATOR) == [pushed]
            for account in (VIEWER, DOOR_VIEWER, DOOR_OPERATOR):
                assert told(desk, account) == []
            with desk.client(ADMIN) as client:
                assert client.get("/api/v1/health").json()["healthy"] is True, "a warning is no fault"
            with desk.socket(OPERATOR) as late:
                assert late.wait("warnings", within_s=5)["warnings"] == [pushed]
        finally:
            warnings.clear(WarningCode.CONFIGURATION_REFUSED)
        assert socket.wait("warnings", within_s=5)["warnings"] == []
    assert told(desk, ADMIN) == []


def test_a_viewer_of_one_camera_hears_of_no_other_s_over_the_socket(desk: Desk):
    warnings = desk.web_server.warnings
    with desk.socket(DOOR_VIEWER) as socket, desk.socket(ADMIN) as other:
        warnings.set(WarningCode.CONFIGURATION_REFUSED, TEXT, names_cameras=True)
        try:
            while not other.wait("warnings", within_s=5)["warnings"]:
                pass
            assert all(not each["warnings"] for each in socket.during(1.5) if each["type"] == "warnings")
        finally:
            warnings.clear(WarningCode.CONFIGURATION_REFUSED)

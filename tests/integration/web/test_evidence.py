"""Keeping, erasing, exporting and viewing evidence through the API, with an audit line for each."""

import zipfile
from pathlib import Path

from monitor.evidence.verifying import verify_journal
from monitor.evidence.verifying_export import verify_export
from monitor.storage.database import open_database, sqlite_url
from tests.integration.web.desk import ADMIN, DOOR_OPERATOR, DOOR_VIEWER, OPERATOR, VIEWER, Desk
from tests.live.watch import until


def audited(desk: Desk, action: str) -> list[tuple[str, str]]:
    return [(line.who, line.detail) for line in desk.accounts.audit(200) if line.action == action]


def verify(desk: Desk, key: str) -> None:
    engine = open_database(sqlite_url(desk.folder / "journal.db"))
    try:
        verify_journal(engine, desk.folder, key)
    finally:
        engine.dispose()


def test_an_export_proves_itself_with_the_key_of_the_health_page(desk: Desk, tmp_path: Path) -> None:
    number = desk.incident().number
    with desk.client(OPERATOR) as client:
        answer = client.get(f"/api/v1/incidents/{number}/evidence.zip")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="incident-{number}.zip"'
        health = client.get("/api/v1/health").json()
    path = tmp_path / "incident.zip"
    path.write_bytes(answer.content)
    assert verify_export(path).public_key == health["public_key"]
    with zipfile.ZipFile(path) as archive:
        assert [name for name in archive.namelist() if name.startswith("picture/")]
    assert health["storage"]["step"] == "none"
    assert ("otto", f"incident {number}") in audited(desk, "evidence exported")
    verify(desk, health["public_key"])
    yard = desk.incident("yard").number
    with desk.client(DOOR_OPERATOR) as client:
        assert client.get(f"/api/v1/incidents/{yard}/evidence.zip").status_code == 404


def test_viewing_a_picture_is_noted_once_an_hour(desk: Desk) -> None:
    number = desk.incident().number
    what = (VIEWER.name, f"picture of incident {number}")
    with desk.client(VIEWER) as client:
        for _ in range(3):
            assert client.get(f"/api/v1/incidents/{number}/picture.jpg").status_code == 200
        assert audited(desk, "evidence viewed").count(what) == 1
        desk.clock.skip(3601)
        client.get(f"/api/v1/incidents/{number}/picture.jpg")
    assert audited(desk, "evidence viewed").count(what) == 2


def test_what_somebody_keeps_is_erased_only_after_its_release(desk: Desk) -> None:
    number = desk.incident().number
    where, said = f"/api/v1/incidents/{number}", {"reason": "a request of the person"}
    with desk.client(OPERATOR) as guard, desk.client(ADMIN) as admin, desk.client(DOOR_VIEWER) as limited:
        kept = guard.post(f"{where}/keep", json={"reason": "the police asked", "days": 30}).json()
        assert (kept["by"], kept["reason"]) == ("otto", "the police asked")
        assert guard.get(where).json()["kept"] == kept
        refused = admin.post(f"{where}/erase", json=said)
        assert refused.status_code == 409
        assert "otto keeps incident" in refused.json()["detail"]
        assert guard.request("DELETE", f"{where}/keep").status_code == 204
        assert guard.request("DELETE", f"{where}/keep").status_code == 404
        assert guard.post(f"{where}/erase", json=said).status_code == 403
        assert admin.post(f"{where}/erase", json={"reason": " "}).status_code == 422
        until(lambda: admin.get(where).json()["incident"]["ended"], "the incident goes on")
        assert admin.post(f"{where}/erase", json=said).status_code == 204
        assert admin.get(where).status_code == 410
        assert limited.get(where).status_code == 404, "whose camera it was is erased too"
        assert admin.get(f"{where}/picture.jpg").status_code == 404
        key = admin.get("/api/v1/health").json()["public_key"]
    assert not list(desk.folder.glob(f"incidents/*/*-{number:06d}.jpg"))
    assert audited(desk, "erase")[0] == ("ada", f"incident {number}: a request of the person")
    assert audited(desk, "evidence kept")[0][0] == "otto"
    assert audited(desk, "evidence released")[0] == ("otto", f"incident {number}")
    verify(desk, key)


def test_a_visit_is_erased_with_its_incidents(desk: Desk) -> None:
    number = desk.incident().number
    with desk.client(ADMIN) as client:
        until(lambda: client.get(f"/api/v1/incidents/{number}").json()["segments"], "the visit goes on")
        total = client.get("/api/v1/statistics").json()["total"]["visits"]
        visit = client.get("/api/v1/visits").json()[0]["number"]
        assert client.post(f"/api/v1/visits/{visit}/erase", json={"reason": "asked"}).status_code == 204
        assert client.get(f"/api/v1/incidents/{number}").status_code == 410
        assert client.get("/api/v1/statistics").json()["total"]["visits"] == total
        assert client.post(f"/api/v1/visits/{visit}/erase", json={"reason": "asked"}).status_code == 404

"""`monitor bench web`, short: the figures are there and hang together."""

from pathlib import Path

import pytest

from tests.e2e.commands import run
from tests.e2e.pages.conftest import CHROMIUM


@pytest.mark.timeout(300)
def test_being_watched_is_measured_through_the_real_pages(tmp_path: Path) -> None:
    done = run(
        *("bench", "web", "--cameras", "2", "--detect-fps", "4", "--viewers", "2", "--size", "640x360"),
        *("--seconds", "3", "--rounds", "1", "--slow", "4", "--logins", "120", "--requests", "4"),
        *("--browser", str(CHROMIUM), "--json"),
        cwd=tmp_path,
        within_s=280,
    )
    assert done.code == 0, done.err
    values = done.json
    assert 0 < values["analyses_per_s"]["with"] <= 9
    tiles, pictures = values["pictures_per_s_per_tile"], values["pictures"]
    assert 0 < tiles["median"] <= 5
    assert pictures["encoded"] <= pictures["sent"] + 4, "once for both viewers"
    assert pictures["repeated"] == 0
    assert 0 < values["picture_age_ms"]["p50"] <= values["picture_age_ms"]["p95"]
    assert values["cpu_ms_per_picture"]["pictures"] > 0
    assert 0 < values["browser"]["p50_ms"] <= values["browser"]["p95_ms"] <= values["browser"]["worst_second_p95_ms"]
    assert 0 < values["browser"]["pictures_per_s"] <= 10
    assert values["slow_viewers"]["still_connected"] == 0, "who takes nothing is let go"
    assert sum(values["logins"]["codes"].values()) == 120
    assert set(values["logins"]["codes"]) == {"401", "429"}
    random = values["requests"]["random"]
    assert random["requests"] == 4 * random["addresses"] >= 100
    assert random["failed"] == {}
    assert {code[0] for code in random["codes"]} <= {"2", "4", "5"}
    assert values["requests"]["bombs"] == {"422": 20}
    assert {upload["code"] for upload in values["requests"]["uploads"]} <= {413, 0}, "an answer, or cut off"
    assert max(upload["taken_mb"] for upload in values["requests"]["uploads"]) < 50
    assert {page["code"] for page in values["pages"].values()} == {200}
    assert max(page["weight_bytes"] for page in values["pages"].values()) < 500_000
    assert list(tmp_path.iterdir()) == [], "a benchmark leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "big"), "expected WIDTHxHEIGHT"),
        (("--viewers", "0"), "greater than or equal to 1"),
        (("--browser", "no-such-browser"), "no-such-browser"),
    ],
)
def test_wrong_usage_is_said(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run("bench", "web", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert words in done.err

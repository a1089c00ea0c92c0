"""`monitor bench live`, short: the figures are there and hang together."""

from pathlib import Path

import pytest

from tests.e2e.commands import run


def test_cameras_are_measured_through_the_real_monitor(tmp_path: Path) -> None:
    done = run(
        "bench", "live", "--cameras", "2", "--fps", "5", "--seconds", "3", "--size", "640x360", "--json", cwd=tmp_path
    )
    assert done.code == 0, done.err
    values = done.json
    assert values["cameras"] == 2
    assert 0 < values["analysed_fps"] < 11, "5 a second each, and perhaps one more at the edges"
    assert set(values["drops"]) == {"skipped", "superseded", "late", "corrupt", "failed"}
    assert values["drops"]["corrupt"] == values["drops"]["failed"] == 0
    assert 0 < values["latency_ms"]["p50"] <= values["latency_ms"]["p95"] <= values["latency_ms"]["p99"]
    assert values["cpu_ms_per_frame"] == pytest.approx(sum(values["cpu_ms_by_stage"].values()), abs=0.05)
    assert values["overhead_ratio"] == pytest.approx(
        values["cpu_ms_per_frame"] / sum(values["alone_ms"].values()), rel=0.01
    )
    assert values["rss_mb"] > 50
    assert [camera["camera"] for camera in values["per_camera"]] == ["camera-01", "camera-02"]
    assert list(tmp_path.iterdir()) == [], "a benchmark leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "big"), "expected WIDTHxHEIGHT"),
        (("--size", "1x1"), "expected WIDTHxHEIGHT"),
        (("--cameras", "0"), "greater than or equal to 1"),
    ],
)
def test_wrong_usage_is_said(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run("bench", "live", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert words in done.err


def test_a_recording_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video" * 100)
    done = run("bench", "live", "no.mp4", "--seconds", "1", cwd=tmp_path)
    assert done.code == 4
    assert "no clip can be made of it" in done.err

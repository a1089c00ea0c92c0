"""`monitor bench live --grow` and `--disturb`, short: every figure is there and follows from what was measured."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.bench.disturb import KINDS
from tests.e2e.commands import Done, environment, names

#: Growing measures six rounds, which each wait 5 s for the cameras to settle; here nobody needs their rest.
_QUICKLY = """
from monitor.cli import main
from monitor.commands import bench_live

assert bench_live._SETTLE_S > 0
bench_live._SETTLE_S = 0.5
main()
"""

#: What is told of a round: how many cameras, analyses per second, p95, CPU and memory.
_ROUND = re.compile(r"(\d+) camera\(s\): ([\d.]+) analyses/s, p95 ([\d.]+) ms, ([\d.]+) ms CPU per analysis, (\d+) MB")

#: What is told of a stretch beside nothing, or beside a camera that misbehaves.
_STRETCH = re.compile(r"next to (\w+(?:, again)?)(?:, which gave (\d+) frames)?: ([\d.]+) analyses/s, p95 ([\d.]+) ms")


def bench_live(video: Path, *options: str, folder: Path) -> Done:
    """Measure in an empty folder, where nothing may be left."""
    temporary = folder / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _QUICKLY, "bench", "live", str(video), "--size", "320x180", *options],
        cwd=folder,
        env=environment(TMPDIR=str(temporary)),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert names(folder) == {"temporary"}
    assert names(temporary) == set()
    return Done(done.returncode, done.stdout, done.stderr)


def rounds(done: Done) -> list[tuple[str, ...]]:
    """Return what is told of each round while it runs, and hold it to being nothing else."""
    told = [_ROUND.fullmatch(line) for line in done.lines]
    assert all(told), done.err
    return [match.groups() for match in told if match]


def test_growing_measures_more_and_more_cameras(people: Path, tmp_path: Path) -> None:
    done = bench_live(people, "--grow", "--fps", "3", "--seconds", "2", folder=tmp_path)
    measured = rounds(done)
    assert [count for count, *_ in measured] == ["1", "2", "4", "8", "16", "32"]
    head, *rows = [re.split(r"\s{2,}", line.strip()) for line in done.out.splitlines()]
    assert head == ["cameras", "analyses/s", "p95", "CPU per analysis", "cores", "memory"]
    assert len(rows) == len(measured)
    most_ms = max(float(cpu_ms) for *_, cpu_ms, _ in measured)
    for row, (count, fps, p95_ms, cpu_ms, memory_mb) in zip(rows, measured, strict=True):
        bar = "█" * round(30 * float(cpu_ms) / most_ms)
        cores = row.pop(4)
        assert row == [
            count,
            f"{float(fps):.1f}",
            f"{float(p95_ms):.0f} ms",
            f"{float(cpu_ms):.2f} ms",
            f"{memory_mb} MB",
            bar,
        ]
        assert min(float(fps), float(p95_ms), float(cpu_ms)) > 0
        assert 0 < float(cores) < 64
        assert int(memory_mb) > 50


def test_cameras_are_held_against_themselves_beside_each_kind_that_misbehaves(people: Path, tmp_path: Path) -> None:
    """Of one camera, which is the one that suffers most; in a single round, whose p95 is told while it runs."""
    done = bench_live(people, "--disturb", "--cameras", "1", "--fps", "10", "--seconds", "3", "--json", folder=tmp_path)
    told = [_STRETCH.fullmatch(line) for line in done.lines]
    assert all(told), done.err
    stretches = [match.groups() for match in told if match]
    assert [beside for beside, *_ in stretches] == ["nothing", "nothing, again", *KINDS]
    assert all(8 <= float(fps) <= 11 for *_, fps, _ in stretches), "the one that misbehaves is not among those measured"
    hang, flood, flap = (int(frames) for _, frames, *_ in stretches[2:])
    assert hang == 5
    assert 10 <= flap < 75 < flood, "each misbehaves in its own way"
    alone_ms = float(stretches[0][3])
    for row, (beside, *_, p95_ms) in zip(done.json, stretches, strict=True):
        assert (row["beside"], row["p95_ms"]) == (beside, float(p95_ms))
        assert row["p95_ms"] > 0
        assert row["ratio"] == row["worst_ratio"] == pytest.approx(float(p95_ms) / alone_ms, abs=0.01)

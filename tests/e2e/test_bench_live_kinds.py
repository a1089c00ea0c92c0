"""`monitor bench live --grow` and `--disturb`, short: every figure is there and follows from the rounds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.bench.disturb import KINDS
from tests.e2e.commands import Done, environment, names

#: Both measure six rounds and more, which each wait 5 s for the cameras to settle; here nobody needs their rest.
_QUICKLY = """
from monitor.cli import main
from monitor.commands import bench_live

assert bench_live._SETTLE_S > 0
bench_live._SETTLE_S = 0.5
main()
"""

#: What is told of a round: how many cameras, what is beside them, looks a second, p95, CPU and memory.
_ROUND = re.compile(
    r"(\d+) camera\(s\)(?: and one that (\w+)s)?: ([\d.]+) a second, p95 ([\d.]+) ms, ([\d.]+) ms CPU a frame, (\d+) MB"
)


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
    assert head == ["cameras", "looks/s", "p95", "CPU a look", "cores", "memory"]
    assert len(rows) == len(measured)
    most_ms = max(float(cpu_ms) for *_, cpu_ms, _ in measured)
    for row, (count, _, fps, p95_ms, cpu_ms, memory_mb) in zip(rows, measured, strict=True):
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


def test_each_kind_of_disturbance_is_held_against_the_rounds_around_it(people: Path, tmp_path: Path) -> None:
    """Of one camera, which is the one that suffers most: a round tells the p95 of all together."""
    done = bench_live(people, "--disturb", "--cameras", "1", "--fps", "10", "--seconds", "2", "--json", folder=tmp_path)
    measured = rounds(done)
    assert [beside for _, beside, *_ in measured] == [None, "hang", None, "flood", None, "flap", None]
    assert {count for count, *_ in measured} == {"1"}, "the camera that misbehaves is not among those measured"
    p95 = [float(p95_ms) for _, _, _, p95_ms, *_ in measured]
    assert min(p95) > 0
    expected = {kind: 2 * p95[at] / (p95[at - 1] + p95[at + 1]) for kind, at in zip(KINDS, (1, 3, 5), strict=True)}
    assert done.json == pytest.approx(expected, abs=0.001)
    assert min(done.json.values()) > 0

"""The figures of a soak, and the limits that they are held to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.bench.watched import Sample

#: The least that a half holds, from the first half after the warm-up to the second: what comes and goes with an attack
#: or a camera does not count. In a run of a minute, whose halves are 20 s, allocators and caches are still filling; in
#: a longer one they settle within the same limit, and a leak does not.
MOST_GROWTH_MB = 50.0
#: Pools of threads and of connections fill up so far at most; a connection to the database holds three files.
MOST_MORE_THREADS = 4
MOST_MORE_FILES = 40
#: Of the rate before the attack: what is analysed less often is stale sooner.
LEAST_RATE = 0.8

#: The share of the attack that is warm-up: libraries are loaded, pools filled.
_WARM_UP = 0.25


@dataclass(frozen=True, slots=True)
class Camera:
    """A healthy camera before and during the attack: analyses per second, and the age of its newest verdict."""

    name: str
    quiet_fps: float
    fps: float
    quiet_p95_age_ms: float
    p95_age_ms: float
    stale_after_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Growth from the first half of the attack to the second, and each healthy camera."""

    rss_mb: tuple[float, float]
    pss_mb: tuple[float, float]
    threads: tuple[int, int]
    files: tuple[int, int]
    most_mb: float
    slowest_answer_s: float
    rows: int
    cameras: tuple[Camera, ...]

    def faults(self) -> list[str]:
        """Return what is over a limit."""
        found = [
            f"{name} grew by {after - before:.1f} MB, more than {MOST_GROWTH_MB:g}"
            for name, (before, after) in (("RSS", self.rss_mb), ("PSS", self.pss_mb))
            if after - before > MOST_GROWTH_MB
        ]
        for name, (before, after), most in (
            ("threads", self.threads, MOST_MORE_THREADS),
            ("open files", self.files, MOST_MORE_FILES),
        ):
            if after - before > most:
                found.append(f"{name} grew from {before} to {after}, by more than {most}")
        for camera in self.cameras:
            if camera.fps < LEAST_RATE * camera.quiet_fps:
                found.append(f"{camera.name}: {camera.fps:.2f} analyses/s, before the attack {camera.quiet_fps:.2f}")
            if camera.p95_age_ms > camera.stale_after_ms:
                found.append(f"{camera.name}: p95 age {camera.p95_age_ms:.0f} ms, over {camera.stale_after_ms:.0f}")
        return found

    def lines(self) -> list[str]:
        """Return the figures for people."""
        return [
            f"memory: RSS {self.rss_mb[0]:.1f} -> {self.rss_mb[1]:.1f} MB, PSS {self.pss_mb[0]:.1f} -> "
            f"{self.pss_mb[1]:.1f} MB "
            f"(the least of each half; at most {MOST_GROWTH_MB:g} MB more), peak {self.most_mb:.0f} MB",
            f"threads: {self.threads[0]} -> {self.threads[1]}, open files: {self.files[0]} -> {self.files[1]} "
            "(the least of each half)",
            f"rows of incidents and visits: {self.rows}; slowest answer of the API: {self.slowest_answer_s:.2f} s",
            *(
                f"{each.name}: {each.quiet_fps:.2f} -> {each.fps:.2f} analyses/s, "
                f"p95 age {each.quiet_p95_age_ms:.0f} -> {each.p95_age_ms:.0f} ms"
                for each in self.cameras
            ),
        ]


def figures(quiet: Sequence[Sample], attack: Sequence[Sample], cameras: Sequence[str]) -> Figures:
    """Return the figures of samples before and during an attack, at least eight of the latter."""
    warm = attack[int(len(attack) * _WARM_UP) :]
    halves = warm[: len(warm) // 2], warm[len(warm) // 2 :]

    def both(what: Callable[[Sample], float]) -> tuple[float, float]:
        first, second = (min(what(sample) for sample in half) for half in halves)
        return first, second

    threads = both(lambda sample: sample.threads)
    files = both(lambda sample: sample.files)
    return Figures(
        both(lambda sample: sample.rss_mb),
        both(lambda sample: sample.pss_mb),
        (int(threads[0]), int(threads[1])),
        (int(files[0]), int(files[1])),
        max(sample.rss_mb for sample in attack),
        max(sample.answered_s for sample in attack),
        attack[-1].rows,
        tuple(
            Camera(
                name,
                _rate(quiet, name),
                _rate(attack, name),
                _p95_age_ms(quiet, name),
                _p95_age_ms(attack, name),
                float(attack[-1].cameras[name]["stale_after_ms"]),
            )
            for name in cameras
        ),
    )


def _rate(samples: Sequence[Sample], camera: str) -> float:
    first, last = samples[0], samples[-1]
    analysed: Any = last.cameras[camera]["analysed"] - first.cameras[camera]["analysed"]
    return float(analysed) / (last.at_s - first.at_s)


def _p95_age_ms(samples: Sequence[Sample], camera: str) -> float:
    ages = [sample.cameras[camera]["age_ms"] for sample in samples]
    known = sorted(float("inf") if age is None else float(age) for age in ages)
    return known[int(0.95 * (len(known) - 1))]

"""The limits of a soak."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from scripts.bench.soak_figures import figures
from scripts.bench.watched import Sample


def samples(count: int, **change: Callable[[int], Any]) -> list[Sample]:
    """A second apart; `change` gives a value by the number of the sample."""

    def of(name: str, number: int, otherwise: Any) -> Any:
        return change[name](number) if name in change else otherwise

    return [
        Sample(
            float(number),
            of("mb", number, 300.0),
            of("mb", number, 300.0) - 50,
            of("threads", number, 40 + number % 9),
            of("files", number, 60 + 50 * (number % 4)),
            number,
            {
                "door": {
                    "analysed": of("analysed", number, 3 * number),
                    "age_ms": of("age", number, 300),
                    "stale_after_ms": 2000,
                }
            },
            0.1,
        )
        for number in range(count)
    ]


def faults(attack: Sequence[Sample]) -> list[str]:
    return figures(samples(10), attack, ["door"]).faults()


def test_a_monitor_that_stays_as_it_is_has_no_fault() -> None:
    assert faults(samples(100)) == []
    assert faults(samples(100, mb=lambda number: 300.0 + min(number, 30) * 5)) == [], "the warm-up does not count"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mb": lambda number: 300.0 + 2 * number}, "RSS grew by"),
        ({"threads": lambda number: 40 + number // 5}, "threads grew from"),
        ({"files": lambda number: 60 + 2 * number}, "open files grew from"),
        ({"analysed": lambda number: 2 * number}, "door: 2.00 analyses/s, before the attack 3.00"),
        ({"age": lambda number: 2500 if number % 10 == 0 else 100}, "door: p95 age"),
        ({"age": lambda number: None if number > 50 else 100}, "door: p95 age inf"),
    ],
)
def test_each_limit_is_held(change: dict[str, Callable[[int], Any]], words: str) -> None:
    assert faults(samples(100, **change))[0].startswith(words)

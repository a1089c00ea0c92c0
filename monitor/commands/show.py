"""Output of the commands, and the path of the configuration."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.config.loading import config_path, load_settings
from monitor.config.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]

#: The most characters in a line of a table with long texts.
WIDTH = 100

#: Results go to standard output, progress and notes to standard error. Piped lines are not wrapped.
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 1000)
notes = Console(stderr=True, soft_wrap=True, highlight=False)


def load(path: Path | None) -> Settings:
    """Load the configuration; raises `ConfigError`."""
    return load_settings(config_path(path))


def print_json(values: Any) -> None:
    """Print JSON that a script can read."""
    print(json.dumps(values, ensure_ascii=False, indent=2))


@contextmanager
def progress(name: str, *, rate: bool = True) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function to call with (done, total): it shows a bar, or prints a line every 10 s when piped.

    `rate` adds how much is done per second.
    """
    started = printed = time.monotonic()

    def per_second(done: int) -> str:
        return f"{done / max(1e-3, time.monotonic() - started):.0f}/s" if rate else ""

    if notes.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=notes, transient=True) as bar:
            task = bar.add_task(escape(name), total=None, rate="")

            def update(done: int, total: int | None) -> None:
                bar.update(task, completed=done, total=total, rate=per_second(done))

            yield update
        return

    def print_line(done: int, total: int | None) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= 10:
            printed = now
            words = filter(None, (f"{name}: {done} of {total or 'an unknown number'}", per_second(done)))
            print(", ".join(words), file=sys.stderr, flush=True)

    yield print_line

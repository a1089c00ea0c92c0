"""Printing, and finding the configuration."""

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

from monitor.config.loading import load_settings
from monitor.config.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]

#: Tables of running text are at most so many characters wide.
WIDTH = 100

#: Results go to standard output, what is only for watching goes to standard error.
#: Piped lines stay whole whatever the width of a terminal that is not there.
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 1000)
notes = Console(stderr=True, soft_wrap=True, highlight=False)


def config_path(given: Path | None) -> Path:
    """Return the configuration file to use: the one given, else ./config.yaml, else the project's own."""
    if given is not None:
        return given
    here = Path("config.yaml")
    return here if here.is_file() else PROJECT / "config.yaml"


def load(given: Path | None) -> Settings:
    """Load the configuration; raises `ConfigError`."""
    return load_settings(config_path(given))


def print_json(values: Any) -> None:
    """Print JSON that a script can read."""
    print(json.dumps(values, ensure_ascii=False, indent=2))


@contextmanager
def progress(name: str, *, rate: bool = True) -> Iterator[Callable[[int, int | None], None]]:
    """Give a function to call with (done, total): it shows a bar with the time left, or prints a line every 10 s when
    piped. `rate` shows how much is done per second as well.
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

    def tell(done: int, total: int | None) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= 10:
            printed = now
            words = filter(None, (f"{name}: {done} of {total or 'an unknown number'}", per_second(done)))
            print(", ".join(words), file=sys.stderr, flush=True)

    yield tell

"""Running the program as its users do, and reading what it leaves."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

RESULTS = ("annotated.mp4", "events.jsonl", "journal.db", "report.html", "violations.log", "visits.csv")

_LIMITED = """
import os, resource, sys
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
os.execv(sys.executable, [sys.executable, "-m", "monitor", *sys.argv[2:]])
"""


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(PROJECT)} | more


def run(*arguments: str | Path, cwd: Path, most_bytes: int | None = None, within_s: float = 100, **more: str) -> Done:
    """Run a command with its output piped; `most_bytes` is the size that no file may outgrow."""
    start = ["-m", "monitor"] if most_bytes is None else ["-c", _LIMITED, str(most_bytes)]
    command = [sys.executable, *start, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=within_s, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_and_signal(
    *arguments: str | Path, cwd: Path, when: Callable[[], bool], after_s: float = 0.0, signals: tuple[int, ...]
) -> Done:
    """Start a command, wait until something is the case, and send it signals 0.1 s apart."""
    command = [sys.executable, "-m", "monitor", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not when():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline, "it never came so far"
                time.sleep(0.01)
            time.sleep(after_s)
            for number, which in enumerate(signals):
                time.sleep(0.1 if number else 0)
                process.send_signal(which)
            out, err = process.communicate(timeout=60)
        except BaseException:
            process.send_signal(signal.SIGKILL)
            raise
    return Done(process.returncode, out, err)


def refused(done: Done, code: int, *words: str) -> str:
    """Hold a refusal to the house's law: one line that names what is wrong, an exit code, no traceback."""
    assert done.code == code, (done.code, done.err)
    assert len(done.lines) == 1, done.err
    line = done.lines[0]
    assert line.startswith("error: "), line
    assert "Traceback" not in done.err
    assert "[Errno" not in line
    for word in words:
        assert word in line, line
    return line


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]


def contents(folder: Path, *names: str) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names or RESULTS}


def names(folder: Path) -> set[str]:
    """Return what is in a folder of results, but for what every run may leave: incidents' pictures, the signing key."""
    return {path.name for path in folder.iterdir()} - {"incidents", "evidence.key"} if folder.is_dir() else set()


def ask(database: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


class Page(HTMLParser):
    """The tags, words and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data", "action"}]

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "

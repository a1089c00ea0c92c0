"""`monitor run` as a process of its own, as a test sees it."""

import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import yaml

from scripts.bench.rows import Ask, logs_beside, lost_rows
from tests.conftest import PROJECT
from tests.e2e.commands import ask, environment
from tests.live.watch import CAPTURE, until

#: Incidents come soon, and many.
EAGER = {"rules": {"dwell_s": 0.2, "grace_s": 0.0}}

MODEL = PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256"
#: A start on a busy machine: libraries, model, database.
STARTS_S = 45.0


class Run:
    """A running monitor and what it has said so far."""

    def __init__(
        self,
        folder: Path,
        cameras: dict[str, Any],
        *options: str,
        command: str | None = "run",
        stderr: int = subprocess.STDOUT,
        **more: Any,
    ) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.configure(cameras, **more)
        self.lines: list[str] = []
        words = [*options, *([] if command is None else [command, "--config", str(self.config)])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", *words],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    @property
    def journal(self) -> Path:
        return self.folder / "recordings" / "live" / "journal.db"

    def configure(self, cameras: dict[str, Any], **more: Any) -> None:
        """Write the configuration."""
        values = {"detector": {"model": str(MODEL)}, "capture": CAPTURE, "web": {"port": 0}, "cameras": cameras} | more
        self.config.write_text(yaml.safe_dump(values), "utf-8")

    def wait(self, words: str, within_s: float = STARTS_S, times: int = 1) -> None:
        """Wait until it has said something."""

        def there() -> bool:
            assert self.process.poll() is None or len(re.findall(words, self.said)) >= times, self.said
            return len(re.findall(words, self.said)) >= times

        until(there, lambda: f"{words!r} in:\n{self.said}", within_s)

    def ask(self, query: str) -> list[tuple]:
        """Return rows of the journal, none before it has its tables."""
        try:
            return ask(self.journal, query) if self.journal.exists() else []
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop it; return how long that took."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        took_s = time.monotonic() - started
        self._reader.join()
        return took_s

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


def played(source: Path, **more: Any) -> dict[str, Any]:
    return {"source": str(source), "capture": {"loop": True}} | more


def complete(run: Run) -> None:
    """Hold a journal to what it must be after a stop."""
    assert run.ask("PRAGMA integrity_check") == [("ok",)]
    assert run.ask("SELECT count(*) FROM incidents WHERE closed_s IS NULL") == [(0,)]
    for source, opened, ended in run.ask(
        "SELECT source_id, sum(kind = 'opened'), sum(kind = 'ended') FROM source_events GROUP BY source_id"
    ):
        assert opened == ended, source
    assert run.ask("SELECT count(*) FROM source_events WHERE at IS NULL") == [(0,)]


def no_row_lost(run: Run, ask: Ask | None = None, *, deleted: bool = False, killed: bool = False) -> None:
    """Hold a journal with incidents against its own numbers and its log; `ask` is for one that is not a file."""
    ask = ask or run.ask
    assert ask("SELECT count(*) FROM incidents")[0][0] > 0
    lost = lost_rows(ask, logs_beside(run.journal), deleted=deleted, killed=killed)
    print(f"rows lost: {len(lost)}")
    assert lost == []

"""`monitor run` as a process of its own, and what can be seen of it from outside."""

import fcntl
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

_ANSWERS_S = 30.0
_STARTS_S = 90.0
_ENDS_S = 30.0
_PIPE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Sample:
    """The monitor at one moment: memory in MB (2^20 bytes), with its child processes; cameras as the API tells them."""

    at_s: float
    rss_mb: float
    pss_mb: float
    threads: int
    files: int
    rows: int
    cameras: Mapping[str, Mapping[str, Any]]
    answered_s: float


class WatchedMonitor:
    """A running monitor. Its log goes into a pipe that holds a page only, whose reader can be stalled."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._lines: list[str] = []
        self.configure(settings)
        reading, writing = os.pipe()
        fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._is_read = threading.Event()
        self._is_read.set()
        self._reader = threading.Thread(target=self._read, args=(reading,), name="log reader")
        command = [sys.executable, "-m", "monitor", "run", "--config", str(self._config)]
        try:
            self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=writing)
        finally:
            os.close(writing)
        self._reader.start()
        self._seen = psutil.Process(self.process.pid)
        self.port = 0

    @property
    def log(self) -> str:
        """What it has said, as far as it was read."""
        return "".join(self._lines)

    @property
    def journal(self) -> Path:
        """The file of the journal."""
        return self.folder / "recordings" / "live" / "journal.db"

    @property
    def _config(self) -> Path:
        return self.folder / "config.yaml"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the configuration."""
        self._config.write_text(yaml.safe_dump(dict(settings)), "utf-8")

    def wait_for_pages(self) -> None:
        """Wait until it serves its pages; raises `RuntimeError`."""
        deadline_s = time.monotonic() + _STARTS_S
        while (found := re.search(r"web pages: http://127\.0\.0\.1:(\d+)", self.log)) is None:
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the monitor does not start:\n{self.log}")
            threading.Event().wait(0.05)
        self.port = int(found[1])

    def reload(self) -> None:
        """Let it load the configuration again."""
        self.process.send_signal(signal.SIGHUP)

    def stall_log(self, *, stall: bool) -> None:
        """Let the reader of the log stall, or go on."""
        if stall:
            self._is_read.clear()
        else:
            self._is_read.set()

    def sample(self, token: str) -> Sample:
        """Look at it; raises `OSError` where it does not answer in time."""
        started_s = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWERS_S)
        with closing(connection):
            connection.request("GET", "/api/v1/health", headers={"Authorization": f"Bearer {token}"})
            health = json.loads(connection.getresponse().read())
        answered_s = time.monotonic() - started_s
        children = self._children_mb()
        memory = self._seen.memory_full_info()
        return Sample(
            time.monotonic(),
            memory.rss / 2**20 + children,
            memory.pss / 2**20 + children,
            self._seen.num_threads(),
            self._seen.num_fds(),
            self.ask("SELECT (SELECT count(*) FROM incidents) + (SELECT count(*) FROM visits)")[0][0],
            {camera["name"]: camera for camera in health["cameras"]},
            answered_s,
        )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return rows of the journal."""
        with closing(sqlite3.connect(f"file:{self.journal}?mode=ro", timeout=_ANSWERS_S, uri=True)) as connection:
            return connection.execute(query).fetchall()

    def stop(self) -> float:
        """Stop it; return how many seconds that took."""
        started_s = time.monotonic()
        self.process.terminate()
        self.process.wait(_ENDS_S)
        return time.monotonic() - started_s

    def end(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        self._is_read.set()
        self._reader.join()

    def _children_mb(self) -> float:
        """Return the memory of child processes that is theirs alone."""
        total = 0.0
        for child in self._seen.children(recursive=True):
            try:
                total += child.memory_full_info().uss / 2**20
            except psutil.NoSuchProcess:
                continue
        return total

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as log:
            for line in log:
                self._lines.append(line)
                self._is_read.wait()

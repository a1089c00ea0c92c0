"""Run `pip install` and show what it is doing: a line that moves on a terminal, a line every ten seconds elsewhere.

Usage: ENVIRONMENT/bin/python scripts/install_packages.py ARGUMENTS, which are those of `pip install`. What pip prints
is shown only where it fails. Standard library only, since nothing else is installed yet.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TextIO

#: Seconds between two lines where no terminal shows them.
LINE_EVERY_S = 10.0
#: Seconds between two versions of the line on a terminal.
REDRAW_EVERY_S = 0.2
#: How many of pip's last lines explain a failure.
TOLD = 20

_DOWNLOADING = re.compile(r"\s*Downloading (?:\S*/)?([A-Za-z0-9_.]+?)-(\d[^-\s]*)\S*( \([^)]*\))?")
_FINDING = re.compile(
    r"\s*(?:Collecting|Using cached|Requirement already satisfied:) (?:\S*/)?([A-Za-z0-9_.]+(?:-[A-Za-z]\w*)*)"
)
_INSTALLING = re.compile(r"Installing collected packages: (.*)")


class Progress:
    """What pip is doing, from the lines that it prints."""

    def __init__(self, packages: Path) -> None:
        self._packages = packages
        self._before = self._installed()
        self._doing = "starting"
        self.total = 0

    def read(self, line: str) -> None:
        """Take in one line of pip's."""
        if found := _DOWNLOADING.match(line):
            self._doing = f"downloading {found[1].replace('_', '-')} {found[2]}{found[3] or ''}"
        elif found := _FINDING.match(line):
            self._doing = f"checking {found[1].replace('_', '-')}"
        elif found := _INSTALLING.match(line):
            self.total = len(found[1].split(","))

    def __str__(self) -> str:
        if not self.total:
            return self._doing
        done = min(max(self._installed() - self._before, 0), self.total)
        return f"installing, {done} of {self.total} packages done"

    def _installed(self) -> int:
        # pip writes this file last, once a package is compiled.
        return len(list(self._packages.glob("*.dist-info/INSTALLER")))


class Display:
    """One line that is written anew on a terminal, or lines with some time between them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started_s = time.monotonic()
        self._terminal = stream.isatty()
        self._due_s = 0.0 if self._terminal else LINE_EVERY_S

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def show(self, text: object) -> None:
        """Show what is going on."""
        elapsed_s = self.elapsed_s
        if elapsed_s < self._due_s:
            return
        line = f"  {elapsed_s:4.0f} s  {text}"
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", file=self._stream, flush=True)
        else:
            print(line, file=self._stream, flush=True)
        self._due_s = elapsed_s + (REDRAW_EVERY_S if self._terminal else LINE_EVERY_S)

    def end(self, text: str) -> None:
        """Leave a last line."""
        print(f"{chr(13) + chr(27) + '[K' if self._terminal else ''}  {text}", file=self._stream, flush=True)


def install(arguments: list[str], display: Display) -> int:
    """Run pip; return its exit code."""
    progress = Progress(Path(sysconfig.get_path("purelib")))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    lines: Queue[str | None] = Queue()
    said: list[str] = []
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:

        def listen() -> None:
            assert pip.stdout is not None
            for line in pip.stdout:
                lines.put(line.rstrip())
            lines.put(None)

        Thread(target=listen, daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=0.5)
            except Empty:
                line = ""
            if line is None:
                break
            if line:
                said.append(line)
                progress.read(line)
            display.show(progress)
    if pip.returncode:
        display.end("pip failed; the end of what it said:")
        print(*said[-TOLD:], sep="\n", file=sys.stderr)
    elif progress.total:
        display.end(
            f"{progress.total} package{'s' if progress.total > 1 else ''} installed in {display.elapsed_s:.0f} s"
        )
    else:
        display.end("all packages are there already")
    return pip.returncode


if __name__ == "__main__":
    try:
        sys.exit(install(sys.argv[1:], Display(sys.stderr)))
    except KeyboardInterrupt:
        sys.exit(130)

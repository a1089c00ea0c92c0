"""Run an image as compose.yaml has it run."""

import re
import signal
import subprocess
import time
from collections.abc import Iterable

from .errors import CheckError
from .image import Image, inside
from .system import in_root, mount

#: How long an engine waits after SIGTERM before it kills.
GRACE_S = 10.0


class Container:
    """An image on a read-only root with tmpfs on /tmp, as its own user without capabilities; needs own mounts."""

    def __init__(self, image: Image) -> None:
        self._image = image
        root = image.root
        for place in ("/", *image.volumes):
            mount("--bind", inside(root, place), inside(root, place))
        mount("-t", "proc", "proc", root / "proc")
        for place in ("/tmp", "/dev/shm"):
            mount("-t", "tmpfs", "tmpfs", inside(root, place))
        mount("-o", "remount,bind,ro", root)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the program with other arguments than the image's own, to its end."""
        command = self._inside([*self._image.entrypoint, *arguments], variables)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> "Running":
        """Run the program with the image's own arguments."""
        command = self._inside([*self._image.entrypoint, *self._image.command], {})
        return Running(self, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))

    def healthy(self) -> bool:
        """Ask as the image's HEALTHCHECK does."""
        return subprocess.run(self._inside(self._image.health, {}), capture_output=True, check=False).returncode == 0

    @property
    def patience_s(self) -> float:
        """How long the image gives itself to become healthy."""
        return float(self._image.health_options["start-period"].removesuffix("s"))

    def _inside(self, command: Iterable[str], variables: dict[str, str]) -> list[str]:
        image = self._image
        if image.user is None:
            raise CheckError("the image runs as root")
        return in_root(image.root, image.environment | variables, image.folder, command, image.user)

    def status(self, pid: int, key: str) -> str:
        """Return what the kernel says about a process."""
        text = (self._image.root / "proc" / str(pid) / "status").read_text("utf-8")
        found = re.search(rf"^{key}:\s*(.*)$", text, re.MULTILINE)
        return found[1] if found else ""


class Running:
    """A program in a container."""

    def __init__(self, container: Container, process: subprocess.Popen[str]) -> None:
        self._container = container
        self._process = process

    def wait_until_healthy(self) -> float:
        """Return after how many seconds the health check passed; raises `CheckError` where it does not."""
        started = time.monotonic()
        while not self._container.healthy():
            if self._process.poll() is not None:
                raise CheckError(f"ended with exit code {self._process.returncode}:\n{self.last_lines()}")
            if time.monotonic() - started > self._container.patience_s:
                raise CheckError(f"not healthy after {self._container.patience_s:.0f} s:\n{self._kill()}")
            time.sleep(0.2)
        return time.monotonic() - started

    def status(self, key: str) -> str:
        """Return what the kernel says about the program."""
        return self._container.status(self._process.pid, key)

    def stop(self) -> tuple[int, float]:
        """Stop as an engine does; return the exit code, and after how many seconds it ended."""
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired as error:
            raise CheckError(f"still running {GRACE_S:.0f} s after SIGTERM:\n{self._kill()}") from error
        return self._process.returncode, time.monotonic() - started

    def _kill(self) -> str:
        self._process.kill()
        return self.last_lines()

    def last_lines(self) -> str:
        """Return the end of what the program has said, once it has ended."""
        return "\n".join(self._process.communicate()[0].splitlines()[-20:])

"""Build the image, start the monitor in it, and pass its health check.

The Dockerfile is carried out line by line in Debian roots made with debootstrap, from the mirror that this machine's
apt uses and with the packages that its pip finds. Then the image runs as compose.yaml has it run: as its own user
without capabilities, on a read-only root. All of it happens in one temporary folder and in namespaces that end with
the check, so that nothing is left: no file, no mount, no process.

Without --target it also tries in such a root whether the packages listed for a desktop window are all that it needs.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

from .contents import check_list
from .desktop import check_desktop
from .dockerfile import Context, read_dockerfile
from .errors import CheckError
from .image import SUITE, Builder, Image, inside, tree_bytes
from .machine import read_apt, read_pip
from .running import Container
from .system import own_mounts, own_network, own_processes

PROJECT = Path(__file__).resolve().parents[2]
LIMIT_MB = 1000
_ACCOUNT = ("user", "add", "guard", "--role", "admin")
_REFUSED = 3


def main() -> int:
    """Check the machine, do the work in a child that has namespaces of its own, and leave nothing behind."""
    parser = argparse.ArgumentParser(prog="scripts/container-check", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--target", help="the Dockerfile's stage to build; the last, with its size limit, if not given")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        if arguments.inside is not None:
            own_mounts()
            return _check(arguments.inside, arguments.target)
        _demand()
        return _in_child(arguments.target)
    except (CheckError, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _demand() -> None:
    if os.geteuid() != 0:
        raise CheckError("building a Debian root needs the superuser: sudo scripts/container-check")
    if shutil.which("debootstrap") is None:
        raise CheckError("debootstrap is missing; on Debian: apt-get install debootstrap")


def _in_child(target: str | None) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    workshop = mkdtemp(prefix="container-check-")
    try:
        own_processes()
        given = [] if target is None else ["--target", target]
        with subprocess.Popen([sys.executable, "-m", "scripts.container", "--inside", workshop, *given]) as child:
            try:
                return child.wait()
            finally:
                child.kill()
    finally:
        shutil.rmtree(workshop)


def _check(workshop: Path, target: str | None) -> int:
    started = time.monotonic()
    stages = read_dockerfile(PROJECT / "Dockerfile")
    builder = Builder(stages, Context(PROJECT), workshop, read_apt(SUITE), read_pip(), _say)
    image = builder.build(target or list(stages)[-1])
    size_mb = tree_bytes(image.root) / 1e6
    _say(f"image tree {size_mb:.0f} MB" + ("" if target else f" of at most {LIMIT_MB}"))
    if target is None and size_mb > LIMIT_MB:
        raise CheckError("the image is too large")
    check_list(image)
    _say("its list names every package that it holds, and no other")
    if target is None:
        check_desktop(builder, _say)
    _run(image)
    _say(f"all done in {time.monotonic() - started:.0f} s")
    return 0


def _run(image: Image) -> None:
    own_network()
    container = Container(image)
    refused = container.run(*image.command)
    if refused.returncode != _REFUSED or len(refused.stderr.splitlines()) != 1:
        raise CheckError(f"started without an account: exit code {refused.returncode}\n{refused.stderr}")
    _say(f"without an account: {refused.stderr.strip()}")
    added = container.run(*_ACCOUNT, MONITOR_PASSWORD=os.urandom(12).hex())
    if added.returncode != 0:
        raise CheckError(f"no account could be made: exit code {added.returncode}\n{added.stderr}")
    running = container.start()
    _say(f"healthy after {running.wait_until_healthy():.1f} s")
    _say(f"runs with uid {running.status('Uid').split()[0]}, capabilities {running.status('CapEff')}")
    code, seconds = running.stop()
    _say(f"SIGTERM: exit code {code} after {seconds:.1f} s")
    journal = inside(image.root, "/recordings/live/journal.db")
    if code != 0 or not journal.stat().st_size:
        raise CheckError(f"stopped with exit code {code}, or without a journal:\n{running.last_lines()}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Whether the packages of scripts/desktop-packages.txt are all that a window needs, in a root that has nothing else."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import CheckError
from .image import Builder, Image
from .system import in_root

_INSTALL = """
apt-get update && apt-get install -y --no-install-recommends $(grep -v '^#' scripts/desktop-packages.txt) &&
deploy/install.sh
"""
#: Fails where OpenCV came without windows; prints what the linker does not find.
_LIBRARIES = """
plugin=$(.venv/bin/python -c 'import cv2, os; print(os.environ["QT_QPA_PLATFORM_PLUGIN_PATH"])')/platforms/libqxcb.so
ldd "$plugin" | grep 'not found' || [ -f "$plugin" ]
"""
_WINDOW = """
import cv2, numpy
cv2.namedWindow("check")
cv2.imshow("check", numpy.zeros((60, 80, 3), numpy.uint8))
cv2.waitKey(500)
assert cv2.getWindowProperty("check", cv2.WND_PROP_VISIBLE) == 1
"""


def check_desktop(builder: Builder, say: Callable[[str], None]) -> None:
    """Install the list and the monitor's packages; then Qt's libraries must be whole and a window must open."""
    image = builder.copy("tools", "desktop")
    builder.execute(image, _INSTALL)
    if missing := _output(image, ["sh", "-c", _LIBRARIES]):
        raise CheckError(f"scripts/desktop-packages.txt is not enough for a window:\n{missing}")
    say("the packages of a desktop window: all libraries found")
    if shutil.which("Xvfb") is None:
        say("no window was tried: Xvfb is not installed")
        return
    with _screen() as name:
        _output(image, [".venv/bin/python", "-c", _WINDOW], DISPLAY=name)
    say("a window opened")


def _output(image: Image, command: list[str], **variables: str) -> str:
    words = in_root(image.root, image.environment | variables, image.folder, command)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise CheckError(f"no window can open: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


@contextmanager
def _screen() -> Iterator[str]:
    """Run an X server of this machine's; its abstract socket can be reached from a root."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        try:
            yield f":{number}"
        finally:
            server.terminate()

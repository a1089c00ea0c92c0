"""What is shown while pip works."""

import io
import subprocess
import sys
import time

import pytest

from scripts import install_packages
from scripts.install_packages import Display, Progress, install
from tests.conftest import PROJECT

PIP = """
Collecting numpy==2.4.6 (from -r requirements.txt (line 2))
  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (6.6 kB)
  Downloading opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl (69.2 MB)
Requirement already satisfied: argon2-cffi==25.1.0 in .venv/lib (25.1.0)
  Using cached rich-15.0.0-py3-none-any.whl (310 kB)
Installing collected packages: numpy, opencv-python, rich
""".strip().splitlines()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_each_line_of_pips_says_what_it_is_doing(tmp_path):
    progress = Progress(tmp_path)
    told = []
    for line in PIP:
        progress.read(line)
        told.append(str(progress))
    assert told == [
        "checking numpy",
        "downloading numpy 2.4.6 (6.6 kB)",
        "downloading opencv-python 5.0.0.93 (69.2 MB)",
        "checking argon2-cffi",
        "checking rich",
        "installing, 0 of 3 packages done",
    ]


def test_the_packages_that_are_done_are_counted(tmp_path):
    (tmp_path / "pip-23.dist-info").mkdir()
    progress = Progress(tmp_path)
    progress.read(PIP[-1])
    for name in ("numpy-2.4.6", "rich-15.0.0"):
        (tmp_path / f"{name}.dist-info").mkdir()
    (tmp_path / "numpy-2.4.6.dist-info" / "INSTALLER").touch()
    assert str(progress) == "installing, 1 of 3 packages done"


def test_a_terminal_shows_one_line_that_is_written_anew():
    stream = Terminal()
    display = Display(stream)
    display.show("downloading x " + "y" * 500)
    display.show("skipped, since it comes at once")
    display.end("done")
    assert stream.getvalue().count("\n") == 1
    assert "skipped" not in stream.getvalue()
    assert max(map(len, stream.getvalue().split("\r"))) < 200
    assert stream.getvalue().split("\r\033[K")[-1] == "  done\n"


def test_elsewhere_there_are_lines_with_some_time_between_them(monkeypatch):
    now_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    stream = io.StringIO()
    display = Display(stream)
    for now_s in range(25):  # noqa: B007, read by the lambda
        display.show("installing")
    display.end("done")
    assert stream.getvalue().splitlines() == ["    10 s  installing", "    20 s  installing", "  done"]


@pytest.mark.parametrize("code", [0, 3])
def test_pips_words_are_shown_only_where_it_fails(monkeypatch, capsys, tmp_path, code):
    pip = tmp_path / "pip.py"
    pip.write_text(
        f"import sys\nprint('DEPRECATION: old')\nprint('Installing collected packages: a, b')\nsys.exit({code})"
    )
    run = subprocess.Popen
    monkeypatch.setattr(
        install_packages.subprocess, "Popen", lambda command, **options: run([sys.executable, str(pip)], **options)
    )
    assert install(["a"], Display(sys.stderr)) == code
    told = capsys.readouterr().err
    assert ("DEPRECATION" in told) == bool(code)
    assert ("2 packages installed" in told) == (not code)


def test_what_is_there_already_is_said(tmp_path):
    command = [sys.executable, PROJECT / "scripts" / "install_packages.py", "--no-index", "pytest"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "  all packages are there already"

"""`scripts/setup.sh` and `scripts/run`, with a Python that only notes what it is asked for."""

import os
import shutil
import subprocess

import pytest

from monitor.outputs.kiosk.display import PACKAGES
from tests.conftest import PROJECT

TOOLS = ("sh", "dirname", "cat", "cmp", "cp", "mkdir", "sed", "grep", "tr", "head", "sha256sum")
CHECKED = "--require-hashes --only-binary :all: --no-binary imutils,tf-models-research-object-detection"
SETS = ("tensorflow", "gpu", "evaluate", "dev")

#: Notes what it is asked for, makes an environment that holds itself, and finds OpenCV unless `no-window` is there.
PYTHON = """#!/bin/sh
echo "${0##*/bin/} $*" >>"$ASKED"
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/pip" ;;
    "--disable-pip-version-check list"*) echo opencv-python==9.8 ;;
    "-c import cv2") [ ! -e no-window ] || [ -e headless ] ;;
    *" --no-deps -r "*headless.lock) : >headless ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "scripts").mkdir()
    for name in ("setup.sh", "run", "desktop-packages.txt"):
        shutil.copy(PROJECT / "scripts" / name, tmp_path / "scripts")
    (tmp_path / "scripts" / "start").write_text('set -eu\n. "$(dirname "$0")/setup.sh"\nset_up "$@"\n')
    for path in [*PROJECT.glob("requirements*.txt"), *PROJECT.glob("requirements*.lock")]:
        shutil.copy(path, tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return tmp_path


@pytest.fixture
def run(project):
    def run(*command, pythons=("python3",)):
        for name in pythons:
            (project / "bin" / name).write_text(PYTHON)
            (project / "bin" / name).chmod(0o755)
        return subprocess.run(
            ["sh", *command],
            cwd=project,
            env=os.environ | {"PATH": str(project / "bin"), "ASKED": str(project / "asked")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def installed(project):
    """What the installations since the last question were asked for: the files' names, or whatever else."""

    def installed():
        asked = project / "asked"
        lines = asked.read_text().splitlines() if asked.exists() else []
        asked.unlink(missing_ok=True)
        calls = [line.partition("install_packages.py ")[2] for line in lines if "install_packages.py" in line]
        assert all(call.startswith(f"{CHECKED} ") for call in calls)
        return [call.removeprefix(f"{CHECKED} ").replace("-r ", "").replace(f"{project}/", "") for call in calls]

    return installed


def test_training_takes_python_3_11_where_another_is_the_usual_one(run, project):
    run("scripts/start", ".venv-train", "requirements-train.txt", pythons=("python3", "python3.11"))
    asked = (project / "asked").read_text()
    assert "python3.11 -m venv" in asked
    assert "python3 " not in asked


def test_where_python_3_11_is_missing_training_says_so_in_a_line(run, project):
    done = run("scripts/start", ".venv-train", "requirements-train.txt")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: Python 3.11 itself")
    assert "python3.11" in line
    assert not (project / "asked").exists()


def test_everything_else_takes_the_usual_python(run, project):
    run("scripts/start", ".venv", "requirements.txt")
    assert "python3 -m venv" in (project / "asked").read_text()
    shutil.rmtree(project / ".venv")
    (project / "bin" / "python3").unlink()
    done = run("scripts/start", ".venv", "requirements.txt", pythons=())
    assert "error: Python 3.11 to 3.14 is needed, as python3" in done.stderr


def test_steps_are_told_once_and_then_nothing(run, installed):
    first = run("scripts/run", "check")
    assert first.returncode == 0
    assert [line[:5] for line in first.stderr.splitlines()[1:]] == ["[1/3]", "[2/3]", "[3/3]"]
    assert installed() == ["requirements.lock"]
    assert run("scripts/run", "check").stderr == ""
    assert installed() == []


def test_the_monitor_gets_its_arguments_after_the_sets(run, project):
    run("scripts/run", "--with", "tensorflow", "--with", "evaluate", "replay", "my clip.mp4")
    assert (project / "asked").read_text().splitlines()[-1] == "python -P -m monitor replay my clip.mp4"


def test_a_set_on_its_own_is_installed_and_nothing_runs(run, project):
    done = run("scripts/run", "--with", "tensorflow")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "Installed. Now run scripts/run as before.")
    assert "monitor" not in (project / "asked").read_text()


@pytest.mark.parametrize("words", [("--with",), ("--with", "everything")])
def test_an_unknown_set_is_wrong_usage(run, project, words):
    done = run("scripts/run", *words)
    assert (done.returncode, done.stderr) == (2, "error: --with takes tensorflow, gpu, evaluate or dev\n")
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_there_and_includes_the_monitor(run, installed, name):
    assert run("scripts/run", "--with", name).returncode == 0
    (files,) = installed()
    assert {"requirements.lock", f"requirements-{name}.lock"} <= set(files.split())


def test_one_set_takes_no_other_away_and_none_is_installed_twice(run, installed):
    run("scripts/run", "--with", "tensorflow", "check")
    installed()
    run("scripts/run", "--with", "evaluate", "check")
    (files,) = installed()
    assert {"requirements-tensorflow.lock", "requirements-evaluate.lock"} <= set(files.split())
    for words in ([], ["--with", "tensorflow"], ["--with", "evaluate"]):
        run("scripts/run", *words, "check")
        assert installed() == []


@pytest.mark.parametrize("changed", ["requirements.txt", "requirements-tensorflow.lock"])
def test_a_changed_file_is_installed_again_with_all_that_is_there(run, installed, project, changed):
    run("scripts/run", "--with", "tensorflow", "check")
    installed()
    with (project / changed).open("a") as file:
        file.write("# changed\n")
    run("scripts/run", "check")
    (files,) = installed()
    assert set(files.split()) == {"requirements.lock", "requirements-tensorflow.lock"}
    run("scripts/run", "check")
    assert installed() == []


@pytest.mark.parametrize("changed", ["requirements.txt", "requirements-headless.txt"])
def test_a_lock_that_does_not_match_its_requirements_is_not_installed(run, installed, project, changed):
    with (project / changed).open("a") as file:
        file.write("new==1\n")
    done = run("scripts/run", "check")
    name = changed.removesuffix(".txt")
    told = f"error: {changed} was changed since {name}.lock was made: run scripts/lock\n"
    assert (done.returncode, done.stderr) == (1, told)
    (project / f"{name}.lock").unlink()
    assert run("scripts/run", "check").stderr == f"error: {name}.lock is missing\n"
    assert installed() == []


def test_a_set_that_is_no_more_is_forgotten(run, installed, project):
    run("scripts/run", "--with", "evaluate", "check")
    (project / "requirements-evaluate.txt").unlink()
    installed()
    assert run("scripts/run", "check").returncode == 0
    assert installed() == []


def test_packages_whose_needs_contradict_each_other_come_last_and_alone(run, installed):
    run(
        "scripts/start",
        ".venv-train",
        "requirements-train.txt",
        "requirements-train-nodeps.txt",
        pythons=["python3.11"],
    )
    assert installed() == ["requirements-train.lock", "--no-deps requirements-train-nodeps.lock"]


def test_without_a_desktop_opencv_comes_without_windows_and_a_note_says_what_to_do(run, installed, project):
    (project / "no-window").touch()
    done = run("scripts/run", "check")
    assert done.returncode == 0
    assert installed() == ["requirements.lock", "--no-deps requirements-headless.lock"]
    note = done.stderr.splitlines()[-1]
    assert f"apt-get install {' '.join(PACKAGES)}, then rm -r {project / '.venv'} and run this again" in note


def test_the_packages_of_a_desktop_are_one_list():
    lines = (PROJECT / "scripts" / "desktop-packages.txt").read_text("utf-8").splitlines()
    assert tuple(line for line in lines if not line.startswith("#")) == PACKAGES
    assert "scripts/desktop-packages.txt" in (PROJECT / ".ci" / "run").read_text("utf-8")
    for page in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")):
        for line in page.read_text("utf-8").splitlines():
            assert "libgl1" not in line or f"apt-get install {' '.join(PACKAGES)}" in line, page

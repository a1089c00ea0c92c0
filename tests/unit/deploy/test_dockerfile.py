"""What can be told of the container without building it."""

import re
from pathlib import PurePosixPath

import pytest

from scripts.container.dockerfile import Context, read_dockerfile
from scripts.container.errors import CheckError
from scripts.container.image import Image, described
from tests.conftest import PROJECT

STAGES = read_dockerfile(PROJECT / "Dockerfile")
CONTEXT = Context(PROJECT)


def image_of(name):
    """How an image runs, without its files."""
    stage = STAGES.get(name)
    if stage is None:
        return Image(PROJECT / "nowhere")
    image = image_of(stage.base)
    for instruction in stage.instructions:
        image = described(image, instruction)
    return image


def instructions(name):
    return [(stage, found) for stage in STAGES.values() for found in stage.instructions if found.name == name]


def test_whatever_is_copied_is_there():
    names = list(STAGES)
    for stage, copy in instructions("COPY"):
        if "from" in copy.options:
            assert names.index(copy.options["from"]) < names.index(stage.name)
        else:
            for source in copy.words[:-1]:
                assert CONTEXT.files(source), f"Dockerfile:{copy.line}: {source}"


def test_every_stage_starts_from_one_before_it_or_from_debian_by_its_digest():
    names = list(STAGES)
    for index, stage in enumerate(STAGES.values()):
        assert stage.base in names[:index] or re.fullmatch(r"debian:bookworm-slim@sha256:[0-9a-f]{64}", stage.base)


def test_security_updates_since_then_are_installed():
    (first,) = [found for found in STAGES["base"].instructions if found.name == "RUN"]
    assert "apt-get update" in first.text
    assert "apt-get upgrade -y" in first.text


def test_the_cpu_image_is_the_default():
    assert list(STAGES)[-1] == "cpu"


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_an_image_runs_the_monitor_as_a_numbered_user(target):
    image = image_of(target)
    assert image.user is not None
    assert all(part.isdecimal() and int(part) > 0 for part in image.user.split(":"))
    assert (image.entrypoint, image.command) == (("monitor",), ("run", "--config", "/config/config.yaml"))
    assert set(image.volumes) == {"/config", "/recordings"}


def test_packages_come_from_requirements_files_alone():
    installs = [found.text for _, found in instructions("RUN") if "pip" in found.text or "install.sh" in found.text]
    commands = {text.partition(" && ")[0] for text in installs}
    assert commands == {"deploy/install.sh requirements.txt", "deploy/install.sh requirements-gpu.txt"}


def required(name):
    """What a requirements file asks for, without comments."""
    lines = (line.partition("#")[0].strip() for line in (PROJECT / name).read_text("utf-8").splitlines())
    return [line for line in lines if line]


def test_the_gpu_image_has_the_tensorflow_of_the_requirements():
    assert required("requirements-gpu.txt") == ["-r requirements-tensorflow.txt", "tensorflow[and-cuda]"]
    included, tensorflow = required("requirements-tensorflow.txt")
    assert included == "-r requirements.txt"
    assert tensorflow.startswith("tensorflow==")


def test_the_files_that_a_requirements_file_includes_are_copied_with_it():
    for _, copy in instructions("COPY"):
        files = [word for word in copy.words[:-1] if word.startswith("requirements")]
        included = [line.removeprefix("-r ") for name in files for line in required(name) if line.startswith("-r ")]
        assert set(included) <= set(files)


def test_every_requirements_file_is_copied_with_its_lock():
    copied = {word for _, copy in instructions("COPY") for word in copy.words if word.startswith("requirements")}
    assert "requirements-headless.txt" in copied, "there is no desktop in an image"
    assert copied == {f"{PurePosixPath(name).stem}{suffix}" for name in copied for suffix in (".txt", ".lock")}


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_an_image_has_the_list_of_its_own_packages(target):
    copies = [found.words for stage, found in instructions("COPY") if stage.name == target and "sbom" in found.text]
    assert copies == [[f"deploy/sbom-{target}.cdx.json", "/opt/mask-monitor/"]]


def test_a_cpu_needs_neither_tensorflow_nor_what_only_tests_use():
    names = {line.partition("==")[0].partition("[")[0] for line in required("requirements.txt")}
    assert names.isdisjoint({"tensorflow", "keras", "imutils", "pycocotools", "pytest"})


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "config.yaml",
        "monitor/__pycache__/cli.cpython-311.pyc",
        "recordings/live/journal.db",
        "scripts/test",
        "tests/conftest.py",
        "training/val/faces.jpg",
    ],
)
def test_what_does_not_run_or_is_private_stays_out(path):
    assert not CONTEXT.holds(PurePosixPath(path))


def test_the_last_fitting_pattern_decides(tmp_path):
    (tmp_path / ".dockerignore").write_text("# all but\n*\n!kept\nkept/*.log\n!kept/one.log\n**/cache\n")
    context = Context(tmp_path)
    held = ["kept/a", "kept/b/c.log", "kept/one.log"]
    left = ["other", "kept/two.log", "cache/a", "kept/b/cache/d"]
    assert [path for path in held + left if context.holds(PurePosixPath(path))] == held


def test_both_forms_of_a_command_are_read(tmp_path):
    file = tmp_path / "Dockerfile"
    file.write_text('FROM a AS b\nENV X=1 \\\n  Y="2 3"\n# between\nHEALTHCHECK --interval=1s \\\n  CMD ["x", "y z"]\n')
    environment, health = read_dockerfile(file)["b"].instructions
    assert (environment.line, environment.words) == (2, ["X=1", "Y=2 3"])
    assert (health.options, health.words) == ({"interval": "1s"}, ["x", "y z"])


@pytest.mark.parametrize("text", ["RUN true", "FROM a", "FROM a AS b\nADD x y", "FROM a AS b\nRUN --mount=x true"])
def test_what_is_not_known_is_refused_with_its_line(tmp_path, text):
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    with pytest.raises(CheckError, match=r"Dockerfile:[12]: "):
        read_dockerfile(file)

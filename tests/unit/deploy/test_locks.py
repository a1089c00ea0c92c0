"""The locks belong to the requirements files as they are, and so do the lists of what the images hold."""

import pytest
from packaging.requirements import Requirement

from scripts.locking.lock import digest, header, included, normalised, read_blocks, requirements
from scripts.locking.make import GROUPS, lock_of
from scripts.locking.sbom import IMAGES, packages, path_of, sbom
from tests.conftest import PROJECT

FILES = sorted(PROJECT.glob("requirements*.txt"))
REMEDY = "run scripts/lock"


def locked(file):
    return read_blocks(lock_of(file).read_text("utf-8"))


def test_every_requirements_file_is_locked():
    assert sorted(name for group in GROUPS for name in group.files) == [file.name for file in FILES]
    assert sorted(PROJECT.glob("requirements*.lock")) == sorted(map(lock_of, FILES))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_lock_was_made_from_its_requirements(file):
    assert lock_of(file).read_text("utf-8").partition("\n")[0] == header(file), REMEDY
    found = {(one.name, one.version) for path in [*included(file), file] for one in locked(path)}
    for wanted in map(Requirement, requirements(file)):
        versions = [version for name, version in found if name == normalised(wanted.name)]
        assert any(wanted.specifier.contains(version) for version in versions), f"{wanted}: {REMEDY}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_locked_package_has_hashes(file):
    blocks = locked(file)
    assert blocks
    assert [one.name for one in blocks if not one.sha256] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_lock_names_no_place_that_packages_come_from(file):
    text = lock_of(file).read_text("utf-8")
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.files[0])
def test_files_for_one_environment_lock_one_version(group):
    versions = {}
    for name in group.files:
        for one in locked(PROJECT / name):
            assert versions.setdefault((one.name, one.condition), (one.version, name)) == (one.version, name)


@pytest.mark.parametrize("suffix", ["", "-train"])
def test_opencv_without_windows_is_the_same_version(suffix):
    usual = {one.version for one in locked(PROJECT / f"requirements{suffix}.txt") if one.name == "opencv-python"}
    (other,) = locked(PROJECT / f"requirements{suffix}-headless.txt")
    assert usual == {other.version}


def test_a_comment_makes_no_lock_stale_but_a_version_does(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("# why\nnumpy==1.0  # arrays\n")
    first = digest(file)
    file.write_text("numpy==1.0\n\n# other\n")
    assert digest(file) == first
    file.write_text("numpy==1.1\n")
    assert digest(file) != first


@pytest.mark.parametrize("image", IMAGES)
def test_the_list_of_an_image_is_that_of_its_locks(image):
    assert path_of(image).read_text("utf-8") == sbom(image), REMEDY


def test_an_image_has_opencv_without_windows_and_only_one_has_tensorflow():
    cpu, gpu = ({one.name for one in packages(image)} for image in ("cpu", "gpu"))
    assert {"numpy", "opencv-python-headless", "starlette"} <= cpu
    assert "opencv-python" not in cpu | gpu
    assert {"tensorflow", "nvidia-cudnn-cu12"} <= gpu - cpu
    assert cpu < gpu

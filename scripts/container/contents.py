"""Whether an image holds what its list says."""

import json
import re
from pathlib import Path

from .errors import CheckError
from .image import Image, inside


def check_list(image: Image) -> None:
    """Compare the Python packages in an image with its CycloneDX list; raises `CheckError` where they differ."""
    program = inside(image.root, "/opt/mask-monitor")
    lists = list(program.glob("sbom-*.cdx.json"))
    if len(lists) != 1:
        raise CheckError(f"the image has {len(lists)} lists of its packages, not one")
    components = json.loads(lists[0].read_text("utf-8"))["components"]
    listed = {(one["name"], one["version"]) for one in components}
    held = {_package(folder) for folder in program.glob(".venv/lib/python3*/site-packages/*.dist-info")}
    if held != listed:
        words = ", ".join(f"{name} {version}" for name, version in sorted(held ^ listed))
        raise CheckError(f"{lists[0].name} and the packages of the image differ in {words}")


def _package(folder: Path) -> tuple[str, str]:
    text = (folder / "METADATA").read_text("utf-8")
    name, version = (re.search(rf"^{key}: (\S+)$", text, re.MULTILINE) for key in ("Name", "Version"))
    if name is None or version is None:
        raise CheckError(f"{folder}: states no name or version")
    return re.sub(r"[-_.]+", "-", name[1]).lower(), version[1]

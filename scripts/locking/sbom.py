"""Write what each container image holds, as CycloneDX, from the locks: `python -m scripts.locking.sbom`."""

import sys
import uuid
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.markers import Marker

from monitor import __version__
from scripts.locking.lock import Locked, included, read_blocks
from scripts.locking.make import PROJECT, lock_of

#: The requirements file of each image.
IMAGES = {"cpu": "requirements.txt", "gpu": "requirements-gpu.txt"}

#: The images have Debian 12's Python.
_IMAGE = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux"}
_PROGRAM = "mask-monitor"


def packages(image: str) -> list[Locked]:
    """Return what is installed in an image, which has no libraries of a desktop: OpenCV comes without windows."""
    file = PROJECT / IMAGES[image]
    locked = [one for path in [*included(file), file] for one in read_blocks(lock_of(path).read_text("utf-8"))]
    (headless,) = read_blocks(lock_of(PROJECT / "requirements-headless.txt").read_text("utf-8"))
    found = [one for one in locked if not one.condition or Marker(one.condition).evaluate(dict(_IMAGE))]
    return [headless if one.name == "opencv-python" else one for one in found]


def path_of(image: str) -> Path:
    """Return where the list of an image lies."""
    return PROJECT / "deploy" / f"sbom-{image}.cdx.json"


def sbom(image: str) -> str:
    """Return an image's Python packages and who needs them, as CycloneDX 1.6 in JSON; the same for the same locks."""
    found = packages(image)
    program = Component(name=_PROGRAM, version=__version__, type=ComponentType.APPLICATION, bom_ref=_PROGRAM)
    components = {one.name: _component(one) for one in found}
    components["opencv-python"] = components["opencv-python-headless"]
    document = Bom(components=set(components.values()))
    document.metadata.component = program
    document.metadata.timestamp = None  # type: ignore[assignment]  # it can be left out
    text = "".join(f"{one.name}=={one.version}\n" for one in found)
    document.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, f"{_PROGRAM} {__version__} {image}\n{text}")
    for one in found:
        for name in one.needed_by:
            needs = program if name.startswith("-r ") else components.get(name)
            if needs is not None:
                document.register_dependency(needs, [components[one.name]])
    return make_outputter(document, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


def _component(one: Locked) -> Component:
    url = PackageURL("pypi", None, one.name, one.version)
    return Component(name=one.name, version=one.version, type=ComponentType.LIBRARY, purl=url, bom_ref=url.to_string())


def main() -> int:
    """Write the lists."""
    for image in IMAGES:
        path_of(image).write_text(sbom(image), "utf-8")
        print(f"{path_of(image).relative_to(PROJECT)}: {len(packages(image))} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`monitor image`."""

import json
from pathlib import Path
from typing import Any

import cv2

from monitor.commands.show import notes, out, print_json, progress
from monitor.config.settings import Settings
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.domain.detection import Detection
from monitor.domain.errors import OutputError, SourceError
from monitor.outputs.overlay import draw_detections
from monitor.outputs.style import STYLES
from monitor.sources.images import image_reader, list_images, read_image
from monitor.sources.libraries import prepare_opencv
from monitor.sources.picture_reader import Picture
from monitor.storage.files import finish, make_folder, partial, refuse_overwriting, writing

_WRITABLE = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
#: The longest side of a WebP in pixels.
_WEBP_SIDE_PX = 16_383


def images(settings: Settings, paths: list[Path], folder: Path | None, *, as_json: bool) -> int:
    """Annotate pictures and return the exit code; one that cannot be read is reported, and the others are processed.

    If none can be read, nothing is written.
    """
    folder = folder or settings.output.folder / "images"
    files = [file for path in paths for file in list_images(path)]
    prepare_opencv()
    detector = open_detector(settings.detector.for_one_picture())
    found: list[dict[str, Any]] = []
    code = 0
    taken: set[str] = set()
    with progress("pictures") as report, image_reader() as reader:
        for number, file in enumerate(files):
            report(number, len(files))
            try:
                picture = read_image(reader, file)
            except SourceError as error:
                notes.print(f"error: {error}", markup=False, style="red")
                code = error.exit_code
                continue
            if not found:
                make_folder(folder)
            annotated = folder / _free_name(file, _suffix(file, picture), taken)
            refuse_overwriting(file, [annotated])
            found.append(_annotate(settings, detector, picture, file, annotated))
            if picture.note is not None:
                notes.print(f"note: {file}: {picture.note}", markup=False)
        report(len(files), len(files))
    if found:
        target = folder / "detections.json"
        with writing(target), partial(target).open("w", encoding="utf-8") as output:
            json.dump(found, output, ensure_ascii=False, indent=1)
        finish(target)
    if as_json:
        print_json(found)
        return code
    for picture_values in found:
        faces = picture_values["detections"]
        counts = ", ".join(
            f"{number} {style.words.lower()}"
            for state, style in STYLES.items()
            if (number := sum(face["state"] == state.value for face in faces))
        )
        out.print(f"{picture_values['file']}: {counts or 'no face found'}", markup=False)
    if found:
        out.print(f"annotated copies and detections.json: {folder}", markup=False)
    return code


def _annotate(
    settings: Settings, detector: OpenedDetector, picture: Picture, file: Path, annotated: Path
) -> dict[str, Any]:
    image = picture.image
    detections = detector.detector.detect([image])[0]
    canvas = draw_detections(image, detections, settings.overlay)
    with writing(annotated):
        ok, data = cv2.imencode(annotated.suffix, canvas)
        if not ok:
            raise OutputError(f"{annotated}: cannot be encoded")
        partial(annotated).write_bytes(data.tobytes())
    finish(annotated)
    return {
        "file": str(file),
        "annotated": str(annotated),
        "width_px": image.shape[1],
        "height_px": image.shape[0],
        **({} if picture.note is None else {"note": picture.note}),
        "detections": [_values(detection) for detection in detections],
    }


def _values(detection: Detection) -> dict[str, Any]:
    box = detection.box
    return {
        "state": detection.state.value,
        "score": round(detection.score, 4),
        "box_px": [round(side, 1) for side in (box.x1_px, box.y1_px, box.x2_px, box.y2_px)],
    }


def _suffix(file: Path, picture: Picture) -> str:
    """Return the suffix of the annotated copy: the file's own if such a picture can be written, else a PNG's."""
    suffix = file.suffix.lower()
    writable = suffix in _WRITABLE and not (suffix == ".webp" and max(picture.image.shape) > _WEBP_SIDE_PX)
    return suffix if writable else ".png"


def _free_name(file: Path, suffix: str, taken: set[str]) -> str:
    """Return a name for the annotated copy that is unique in this run."""
    names = (f"{file.stem}{'' if number == 1 else f'-{number}'}{suffix}" for number in range(1, len(taken) + 2))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name

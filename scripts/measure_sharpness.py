"""Measure how a face's sharpness and the detector's success on it go together, on a Pascal VOC data set."""

import argparse
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from monitor.config.loading import load_settings
from monitor.detectors.folder import KNOWN_LABELS
from monitor.detectors.opening import open_detector
from monitor.domain.detection import MaskState
from monitor.domain.geometry import Box
from monitor.rules.quality import sharpness
from monitor.sources.images import image_reader, read_image

MIN_FACE_PX = 40
BLURS = (0.0, 0.03, 0.06, 0.1, 0.15)  # Gaussian sigma as a share of the face's height
CLASSES = (0, 10, 20, 40, 80, 120, 200, 400, 1000, float("inf"))


def faces(annotation: Path) -> list[tuple[MaskState, Box]]:
    """Return the state and box (pixels) of each annotated face that is large enough."""
    found = []
    for item in ElementTree.parse(annotation).iterfind("object"):
        xmin, ymin, xmax, ymax = (
            float(item.findtext(f"bndbox/{side}", "0")) for side in ("xmin", "ymin", "xmax", "ymax")
        )
        if ymax - ymin >= MIN_FACE_PX:
            found.append((KNOWN_LABELS[item.findtext("name", "")], Box(xmin, ymin, xmax, ymax)))
    return found


def main() -> None:
    """Print a row for each class of sharpness: faces, share found, share right of those found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path, help="folder with images/, annotations/ and val.txt")
    dataset: Path = parser.parse_args().dataset
    settings = load_settings(Path(__file__).resolve().parent.parent / "config.yaml")
    detector = open_detector(settings.detector).detector
    reader = image_reader()
    rows: list[tuple[float, bool, bool]] = []
    for name in (dataset / "val.txt").read_text().split():
        image = read_image(reader, dataset / "images" / f"{name}.jpg").image
        for state, box in faces(dataset / "annotations" / f"{name}.xml"):
            for blur in BLURS:
                sigma = blur * box.height_px
                seen = cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
                hits = [hit for hit in detector.detect([seen])[0] if hit.box.iou(box) >= 0.4]  # type: ignore[list-item]
                rows.append((sharpness(seen, box), bool(hits), bool(hits) and hits[0].state is state))  # type: ignore[arg-type]
    reader.close()
    for low, high in pairwise(CLASSES):
        own = [row for row in rows if low <= row[0] < high]
        found = sum(row[1] for row in own)
        right = sum(row[2] for row in own)
        if own:
            print(
                f"{low:g}-{high:g}: {len(own)} faces, found {found / len(own):.0%}, right {right / max(1, found):.0%}"
            )


if __name__ == "__main__":
    main()

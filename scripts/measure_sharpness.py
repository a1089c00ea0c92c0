"""Measure how a face's sharpness and the detector's success on it go together, on a data set."""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from monitor.config.loading import load_settings
from monitor.detectors.folder import KNOWN_LABELS
from monitor.detectors.opening import open_detector
from monitor.domain.detection import MaskState
from monitor.domain.geometry import Box
from monitor.rules.quality import sharpness
from monitor.training.dataset import Annotation, open_dataset
from monitor.training.pictures import read

MIN_FACE_PX = 40
BLURS = (0.0, 0.03, 0.06, 0.1, 0.15)  # Gaussian sigma as a share of the face's height
CLASSES = (0, 10, 20, 40, 80, 120, 200, 400, 1000, float("inf"))


def faces(annotation: Annotation) -> list[tuple[MaskState, Box]]:
    """Return the state and box (pixels) of each annotated face that is large enough."""
    return [
        (KNOWN_LABELS[box.label], Box(box.x1_px, box.y1_px, box.x2_px, box.y2_px))
        for box in annotation.boxes
        if box.y2_px - box.y1_px >= MIN_FACE_PX
    ]


def main() -> None:
    """Print a row for each class of sharpness: faces, share found, share right of those found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path, help="folder of a data set with a split val")
    dataset: Path = parser.parse_args().dataset
    settings = load_settings(Path(__file__).resolve().parent.parent / "config.yaml")
    detector = open_detector(settings.detector).detector
    rows: list[tuple[float, bool, bool]] = []
    data = open_dataset(dataset)
    for annotation in data.read(data.names("val") or (), KNOWN_LABELS).demand(f"{dataset}, val").annotations:
        image = read(annotation.image)
        for state, box in faces(annotation):
            for blur in BLURS:
                sigma = blur * box.height_px
                seen = cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
                hits = [hit for hit in detector.detect([seen])[0] if hit.box.iou(box) >= 0.4]  # type: ignore[list-item]
                rows.append((sharpness(seen, box), bool(hits), bool(hits) and hits[0].state is state))  # type: ignore[arg-type]
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

"""A small Pascal VOC data set with drawn faces, written anew for each test that asks."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

Row = tuple[str, float, float, float, float]


def write_voc(folder: Path, name: str, rows: Sequence[Row], size: tuple[int, int] = (96, 64), seed: int = 0) -> None:
    """One picture of `size` (width, height) with a drawn face a row, and its XML."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    width, height = size
    image = np.random.default_rng(seed).integers(0, 120, (height, width, 3), dtype=np.uint8)
    for label, x1, y1, x2, y2 in rows:
        colour = (240, 200, 90) if label == "with_mask" else (120, 160, 230)
        cv2.rectangle(image, (int(x1), int(y1)), (int(x2), int(y2)), colour, -1)
    (folder / "images" / f"{name}.jpg").write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        "</bndbox></object>"
        for label, x1, y1, x2, y2 in rows
    )
    (folder / "annotations" / f"{name}.xml").write_text(
        f"<annotation><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>",
        encoding="utf-8",
    )


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Eight pictures, one with nobody, split six to two."""
    folder = tmp_path / "voc"
    for index in range(8):
        label = ("with_mask", "without_mask", "mask_weared_incorrect")[index % 3]
        rows = [] if index == 7 else [(label, 10 + index, 12, 40 + index, 46), ("with_mask", 60, 20, 84, 50)]
        write_voc(folder, f"p{index}", rows, seed=index)
    (folder / "train.txt").write_text("".join(f"p{index}\n" for index in range(6)))
    (folder / "val.txt").write_text("p6\np7\n")
    return folder


@pytest.fixture
def add_picture() -> Callable[..., None]:
    """`write_voc`, for tests that need one more."""
    return write_voc

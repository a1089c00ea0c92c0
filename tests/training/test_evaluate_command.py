"""`monitor evaluate` with the shipped model: phone photographs, and data that leave nothing to measure."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("pycocotools", reason="pycocotools is not installed: scripts/run --with evaluate")

from monitor.cli import app
from monitor.config.detector import Backend, DetectorSettings
from monitor.detectors.opening import open_detector
from monitor.domain.detection import Detection
from monitor.domain.errors import MonitorError
from monitor.training.errors import TrainingError
from tests.conftest import PROJECT, SAMPLE
from tests.training.test_pictures import STORING

MODEL = PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256"


def evaluated(folder: Path, *words: str, model: Path = MODEL) -> dict:
    command = ["evaluate", str(model), str(folder), "--backend", "litert", "--json", *words]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def refusal(folder: Path, *words: str, model: Path = MODEL) -> str:
    result = CliRunner().invoke(app, ["evaluate", str(model), str(folder), "--backend", "litert", *words])
    assert isinstance(result.exception, MonitorError)
    assert result.exception.exit_code == TrainingError.exit_code
    return str(result.exception)


@pytest.fixture(scope="module")
def photo() -> tuple[Image.Image, list[Detection]]:
    """A picture of the sample, and what the model finds in it."""
    video = cv2.VideoCapture(str(SAMPLE))
    detector = open_detector(DetectorSettings(model=MODEL, backend=Backend.LITERT)).detector
    while True:
        good, frame = video.read()
        assert good
        found = detector.detect([np.asarray(frame, np.uint8)])[0]
        if len({one.state for one in found if one.score > 0.8}) > 1:
            break
        for _ in range(24):
            video.grab()
    video.release()
    detector.close()
    return Image.fromarray(np.ascontiguousarray(frame[..., ::-1])), found


LABELS = {"with_mask": "with_mask", "without_mask": "without_mask", "incorrect": "mask_weared_incorrect"}


def write(
    folder: Path, name: str, picture: Image.Image, found: list[Detection], orientation: int, stored: bool
) -> None:
    """The picture stored in an orientation, with its faces as shown or as stored."""
    for part in ("images", "annotations"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    turn = STORING[orientation]
    turned = picture if turn is None else picture.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned.save(folder / "images" / f"{name}.jpg", exif=exif, quality=95)
    objects = ""
    for one in found:
        mark = np.zeros((picture.height, picture.width), np.uint8)
        box = [round(side) for side in (one.box.x1_px, one.box.y1_px, one.box.x2_px, one.box.y2_px)]
        if stored and turn is not None:
            mark[box[1] : box[3], box[0] : box[2]] = 1
            rows, columns = np.nonzero(np.asarray(Image.fromarray(mark).transpose(turn)))
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        sides = "".join(
            f"<{key}>{side}</{key}>" for key, side in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        )
        objects += f"<object><name>{LABELS[one.state.value]}</name><bndbox>{sides}</bndbox></object>"
    width, height = (turned if stored else picture).size
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    (folder / "annotations" / f"{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")


@pytest.mark.parametrize("stored", [False, True], ids=["shown", "stored"])
def test_phone_photographs_are_judged_as_the_upright_picture(tmp_path, photo, stored):
    picture, found = photo
    orientations = (1, 5, 6, 7, 8) if stored else range(1, 9)
    for orientation in orientations:
        write(tmp_path, f"o{orientation}", picture, found, orientation, stored)
    figures = evaluated(tmp_path, "--split", "all")
    assert figures["pictures"] == len(orientations)
    assert sum(figures["faces"].values()) == len(found) * len(orientations)
    assert figures["ap50_any_state"] == pytest.approx(1)
    assert figures["map50"] == pytest.approx(1)


def test_no_picture_in_the_split_is_an_error(tmp_path, photo):
    write(tmp_path, "a", *photo, 1, stored=False)
    (tmp_path / "val.txt").write_text("\n")
    assert refusal(tmp_path) == f"{tmp_path}, val: has no pictures; add some, or give another folder or split"
    (tmp_path / "val.txt").unlink()
    assert refusal(tmp_path).endswith("has no split 'val': no file val.txt, and no folder of that name; it has all")


def test_no_face_in_any_picture_is_an_error(tmp_path, photo):
    write(tmp_path, "a", photo[0], [], 1, stored=False)
    assert "none of the 1 picture(s) has an annotated face" in refusal(tmp_path, "--split", "all")


def test_faces_of_states_that_the_model_lacks_are_an_error(tmp_path, photo):
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    text = (model / "model.yaml").read_text()
    picture, found = photo
    state = found[0].state.value
    (model / "model.yaml").write_text(text.replace(f"{LABELS[state]}: {state}", f"{LABELS[state]}: unknown"))
    write(tmp_path / "data", "a", picture, found[:1], 1, stored=False)
    assert f"detects none of the states of the annotated faces ({state})" in refusal(
        tmp_path / "data", "--split", "all", model=model
    )

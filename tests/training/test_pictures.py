"""Pictures that are stored turned, in other formats, or cut off."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from monitor.training import pictures
from monitor.training.dataset import Annotation, open_dataset
from monitor.training.duplicates import difference_hash
from monitor.training.errors import TrainingError
from monitor.training.evaluate import samples_of
from monitor.training.labels import DEFAULT_STATES
from monitor.training.prepare import source_of
from monitor.training.views import _read

#: The upright picture (width, height), and the box of its only face, a white rectangle.
SHOWN, FACE = (160, 96), (24, 16, 72, 40)
#: The operation that stores an upright picture so that this orientation shows it upright.
STORING = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ORIENTATIONS = range(1, 9)


def drawn(shown: tuple[int, int] = SHOWN) -> Image.Image:
    picture = Image.new("RGB", shown, (40, 60, 80))
    picture.paste((255, 255, 255), FACE)
    return picture


def face_of(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """The box of the white rectangle."""
    rows, columns = np.nonzero(pixels.min(axis=2) > 170)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def write(folder: Path, orientation: int, stated: str, shown: tuple[int, int] = SHOWN, suffix: str = "jpg") -> Path:
    """A picture of this orientation; the size and box of its XML are as shown, as stored, or not stated."""
    turn = STORING[orientation]
    upright = drawn(shown)
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / "images" / f"a.{suffix}"
    stored.save(path, exif=exif, quality=95)
    box = face_of(np.asarray(stored)) if stated == "stored" else FACE
    size = {"stored": stored.size, "shown": shown, "nothing": (0, 0), "wrong": (shown[0] + 9, shown[1])}[stated]
    sides = "".join(f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    (folder / "annotations" / "a.xml").write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"<object><name>with_mask</name><bndbox>{sides}</bndbox></object></annotation>"
    )
    return path


def only(folder: Path) -> tuple[Annotation, tuple[str, ...]]:
    found = open_dataset(folder).read(["a"], DEFAULT_STATES).demand("data")
    return found.annotations[0], found.remarks


def sides(annotation: Annotation) -> tuple[float, ...]:
    box = annotation.boxes[0]
    return box.x1_px, box.y1_px, box.x2_px, box.y2_px


@pytest.mark.parametrize(
    ("orientation", "stated"),
    [*((value, "shown") for value in ORIENTATIONS), *((value, "stored") for value in (1, 5, 6, 7, 8))],
)
def test_picture_and_boxes_are_upright_together(tmp_path, orientation, stated):
    write(tmp_path, orientation, stated)
    one, remarks = only(tmp_path)
    assert (one.width_px, one.height_px) == SHOWN
    assert sides(one) == FACE
    assert bool(remarks) == (orientation in (2, 3, 4))
    (sample,) = samples_of([one], DEFAULT_STATES)
    assert sample.boxes.tolist() == [list(FACE)]
    for pixels in (
        pictures.decode(sample.encoded, "a"),
        pictures.read(one.image),
        _read(source_of(one, ["with_mask"]).path),
    ):
        assert pixels.shape == (96, 160, 3)
        assert face_of(pixels) == FACE


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_bytes_of_a_record_are_upright_without_exif(tmp_path, orientation):
    path = write(tmp_path, orientation, "shown")
    data = pictures.record_bytes(path)
    plain = Image.open(io.BytesIO(data))
    assert (plain.format, plain.size, face_of(np.asarray(plain))) == ("JPEG", SHOWN, FACE)
    assert pictures.embedded_size(data, "a") == SHOWN
    assert abs(np.asarray(plain).astype(int)[..., ::-1] - pictures.read(path)).mean() < 1
    assert (data == path.read_bytes()) == (orientation == 1)
    if orientation > 1:
        with pytest.raises(TrainingError, match="turned by EXIF"):
            pictures.embedded_size(path.read_bytes(), "a")


def test_a_turned_copy_looks_the_same_to_the_split(tmp_path):
    hashes = []
    for orientation in (1, 6):
        write(tmp_path / str(orientation), orientation, "shown")
        hashes.append(difference_hash(only(tmp_path / str(orientation))[0]))
    assert (hashes[0] != hashes[1]).sum() < 10


def test_a_square_picture_is_read_as_shown_with_a_remark(tmp_path):
    write(tmp_path, 6, "shown", (160, 160))
    one, (remark,) = only(tmp_path)
    assert sides(one) == FACE
    assert "turned by EXIF" in remark
    assert remark.endswith("read as shown: a")


def test_a_turned_picture_without_a_stated_size_is_read_as_shown_with_a_remark(tmp_path):
    write(tmp_path, 8, "nothing")
    one, (remark,) = only(tmp_path)
    assert (sides(one), one.width_px) == (FACE, 160)
    assert "no stated size" in remark


def test_a_size_that_fits_neither_way_is_refused_with_both(tmp_path):
    write(tmp_path, 6, "wrong")
    with pytest.raises(TrainingError) as caught:
        only(tmp_path)
    assert (
        "a: states an image of 169 x 96, but it is 160 x 96 (turned by EXIF orientation 6; stored as 96 x 160)"
        in str(caught.value)
    )


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "JPEG"])
def test_every_format_reaches_a_record_as_a_jpeg_or_png(tmp_path, suffix):
    path = write(tmp_path, 1, "shown", suffix=suffix)
    one, _ = only(tmp_path)
    plain = Image.open(io.BytesIO(pictures.record_bytes(one.image)))
    assert plain.format == ("JPEG" if suffix.lower().startswith("jp") else "PNG")
    assert np.array_equal(np.asarray(plain), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA", "LA", "I;16"])
def test_uncommon_colours_are_converted_for_records(tmp_path, mode):
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / ("a.jpg" if mode == "CMYK" else "a.png")
    picture = drawn()
    if mode == "I;16":
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(path)
    else:
        picture.convert(mode).save(path)
    plain = Image.open(io.BytesIO(pictures.record_bytes(path)))
    assert plain.mode == "RGB"
    assert face_of(np.asarray(plain)) == FACE
    assert face_of(pictures.read(path)) == FACE


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
def test_a_cut_off_picture_is_a_fault_of_the_data(tmp_path, suffix):
    path = write(tmp_path, 1, "shown", suffix=suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(TrainingError, match=f"a: a.{suffix} is damaged"):
        only(tmp_path)
    with pytest.raises(TrainingError, match="damaged"):
        pictures.read(path)


def test_what_is_no_picture_is_named(tmp_path):
    path = write(tmp_path, 1, "shown")
    path.write_bytes(b"GIF89a" + bytes(40))
    with pytest.raises(TrainingError, match=r"a: a\.jpg is not a readable JPEG, PNG, WebP or BMP picture"):
        only(tmp_path)
    path.rename(path.with_suffix(".tif"))
    with pytest.raises(TrainingError, match=r"its image images/a\.tif is of a kind that is not read: convert it"):
        only(tmp_path)


def test_turning_agrees_with_pillow():
    for orientation in ORIENTATIONS:
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = io.BytesIO()
        drawn().save(file, "PNG", exif=exif)
        stored = pictures.Stored(SHOWN, orientation)
        shown = ImageOps.exif_transpose(Image.open(file))
        assert stored.shown == shown.size
        assert stored.turned(FACE) == face_of(np.asarray(shown))

"""Writes the TFRecords and the label map for TFOD2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.training.dataset import Annotation
from monitor.training.errors import TrainingError
from monitor.training.evaluate import Sample
from monitor.training.pictures import embedded_size, encoded, record_bytes
from monitor.training.views import View, ViewMaker

#: JPEG quality of training views: high enough to add no visible artefacts.
VIEW_JPEG_QUALITY = 92


def write_label_map(path: Path, labels: Sequence[str]) -> None:
    """Write `label_map.pbtxt` with ids from 1, in the given order."""
    items = (f"item {{\n  id: {index}\n  name: {_quoted(name)}\n}}\n" for index, name in enumerate(labels, start=1))
    path.write_text("".join(items), encoding="utf-8")


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def write_pictures(path: Path, annotations: Sequence[Annotation], labels: Sequence[str]) -> None:
    """Write one record per annotated picture, in order; see `pictures.record_bytes` for its bytes."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in annotations:
            boxes = np.array([(box.x1_px, box.y1_px, box.x2_px, box.y2_px) for box in one.boxes], np.float32)
            classes = np.array([labels.index(box.label) + 1 for box in one.boxes], np.int64)
            writer.write(
                _example(
                    record_bytes(one.image),
                    f"{one.name}{one.image.suffix}",
                    (one.width_px, one.height_px),
                    boxes.reshape(-1, 4),
                    classes,
                    np.ones(len(classes), np.float32),
                    labels,
                )
            )


def write_views(
    path: Path, maker: ViewMaker, count: int, labels: Sequence[str], done: Callable[[int], None] = lambda _: None
) -> None:
    """Write `count` views of the maker, in order; `done` is called with the number written."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(count):
            view = maker.make(number)
            writer.write(_view_example(view, f"view-{number}", labels))
            done(number + 1)


def read_pictures(path: Path, states: Mapping[str, MaskState]) -> list[Sample]:
    """Return the pictures of a record file as samples; `states` has the state of each label name.

    Raises:
        TrainingError: a picture cannot be read, or has another size than the record states.
        KeyError: a label is not in `states`.
    """
    import tensorflow as tf

    samples: list[Sample] = []
    for raw in tf.data.TFRecordDataset(str(path)):
        feature = tf.train.Example.FromString(raw.numpy()).features.feature
        width, height = (feature[f"image/{side}"].int64_list.value[0] for side in ("width", "height"))
        sides = [feature[f"image/object/bbox/{side}"].float_list.value for side in ("xmin", "ymin", "xmax", "ymax")]
        boxes = np.array(sides, np.float64).reshape(4, -1).T * np.array([width, height, width, height])
        labels = [text.decode() for text in feature["image/object/class/text"].bytes_list.value]
        classes = np.array([DECIDED_STATES.index(states[label]) for label in labels], np.int64)
        name, data = (feature[f"image/{key}"].bytes_list.value[0] for key in ("filename", "encoded"))
        where = f"{path}: {name.decode()}"
        if (size := embedded_size(data, where)) != (width, height):
            raise TrainingError(f"{where} is {size[0]} x {size[1]}, but its record states {width} x {height}")
        samples.append(Sample(name.decode(), data, boxes, classes))
    return samples


def _view_example(view: View, name: str, labels: Sequence[str]) -> bytes:
    data = encoded(view.image, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, VIEW_JPEG_QUALITY])
    height, width = view.image.shape[:2]
    return _example(data, name, (width, height), view.boxes, view.classes, view.weights, labels)


def _example(
    data: bytes,
    name: str,
    size: tuple[int, int],
    boxes: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    classes: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    weights: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    labels: Sequence[str],
) -> bytes:
    """Return a serialised `tf.train.Example` in TFOD2's layout: box sides are fractions of the image's sides."""
    import tensorflow as tf

    width, height = size
    numbers = {
        "image/height": [height],
        "image/width": [width],
        "image/object/class/label": classes.tolist(),
    }
    shares = {
        "image/object/bbox/xmin": boxes[:, 0] / width,
        "image/object/bbox/ymin": boxes[:, 1] / height,
        "image/object/bbox/xmax": boxes[:, 2] / width,
        "image/object/bbox/ymax": boxes[:, 3] / height,
        "image/object/weight": weights,
    }
    kind = b"png" if data[:4] == b"\x89PNG" else b"jpeg"
    texts = {
        "image/filename": [name.encode()],
        "image/source_id": [name.encode()],
        "image/encoded": [data],
        "image/format": [kind],
        "image/object/class/text": [labels[label - 1].encode() for label in classes],
    }
    feature = {key: tf.train.Feature(int64_list=tf.train.Int64List(value=value)) for key, value in numbers.items()}
    feature |= {key: tf.train.Feature(float_list=tf.train.FloatList(value=value)) for key, value in shares.items()}
    feature |= {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=value)) for key, value in texts.items()}
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())

"""TFLite exports of TFOD2 (`export_tflite_graph_tf2`) on LiteRT with XNNPACK."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from monitor.detectors.decode import decode, least_score
from monitor.detectors.fitting import ModelInput, Resizing
from monitor.detectors.folder import MANIFEST, MAX_SIDE_PX, ModelFolder
from monitor.detectors.preprocessing import Preprocessing
from monitor.detectors.quiet import native_notices_hidden
from monitor.detectors.resize import resize_to_input
from monitor.detectors.rows import Rows, checked_rows
from monitor.detectors.score_floor import rows_per_face, with_all_states
from monitor.detectors.tflite_file import Outputs, TfliteFacts
from monitor.domain.detection import Detection
from monitor.domain.errors import ModelError
from monitor.domain.frame import Image


class LiteRtDetector:
    """One interpreter; it runs pictures one at a time, since batches gain nothing on a CPU.

    Pictures are resized as `resizing` states, pixels scaled as `preprocessing` does, and quantised where the input is.
    Raises `ModelError` if the file
    cannot be loaded or does not fit the folder or the preprocessing.
    """

    def __init__(
        self,
        folder: ModelFolder,
        file: Path,
        facts: TfliteFacts,
        preprocessing: Preprocessing,
        resizing: Resizing,
        threads: int,
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._folder, self._file = folder, file
        self._floor = least_score(folder.thresholds)
        try:
            model = with_all_states(file.read_bytes(), self._floor)
            self._rows_per_face = rows_per_face(model)
            with native_notices_hidden():
                self._interpreter = Interpreter(model_content=model, num_threads=threads)
                self._fix_size()
                self._interpreter.allocate_tensors()
                inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (OSError, ValueError, RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"{file}: LiteRT cannot load it; export it again: {reason}") from error
        detail = _the_input(file, inputs)
        self._index = int(detail["index"])
        _, height_px, width_px, _ = (int(side) for side in detail["shape"])
        self.signature = f"{facts.input.dtype.name} (1, {height_px}, {width_px}, 3)"
        if folder.input_size not in (None, (height_px, width_px)):
            raise ModelError(f"{file}: takes {height_px} x {width_px}, but {MANIFEST} states {folder.input_size}")
        self.input = ModelInput(height_px, width_px, resizing)
        self._rgb = np.empty((height_px, width_px, 3), np.uint8)
        table = facts.input.table(preprocessing.scaling)
        if table is None:
            raise ModelError(
                f"{file}: its {facts.input.dtype.name} input has another range than the preprocessing {preprocessing}; "
                f"state the right one as 'preprocessing' in {MANIFEST}, or export it again"
            )
        self._table = np.ascontiguousarray(table[None])
        self._outputs = _checked_outputs(file, facts.outputs, outputs)
        folder.check_class_count(file, set() if facts.class_count is None else {facts.class_count})

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each picture (H x W x 3, uint8, BGR), best score first, boxes in its pixels.

        Raises `ModelError` if inference fails, or outputs what no detector can.
        """
        return [self._detect_one(image) for image in images]

    def close(self) -> None:
        """Release the interpreter."""
        del self._interpreter

    def _fix_size(self) -> None:
        """Give an input of any height and width the size in `model.yaml`."""
        detail = self._interpreter.get_input_details()[0]
        signature = detail["shape_signature"]
        if len(signature) == 4 and (signature[1:3] < 0).any():
            if self._folder.input_size is None:
                raise ModelError(f"{self._file}: takes pictures of any size; state its input_size in {MANIFEST}")
            self._interpreter.resize_tensor_input(detail["index"], (1, *self._folder.input_size, 3))

    def _detect_one(self, image: Image) -> list[Detection]:
        rgb = resize_to_input(image, self.input, self._rgb)
        try:
            self._interpreter.tensor(self._index)()[0] = cv2.LUT(rgb, self._table)
            self._interpreter.invoke()
            rows = self._rows()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._folder.path}: inference failed: {' '.join(str(error).split())}") from error
        class_ids = rows.class_ids + 1
        self._folder.check_class_ids(self._file, class_ids, rows.scores)
        placement, folder = self.input.place(*image.shape[:2]), self._folder
        found = (rows.boxes, class_ids, rows.scores)
        return decode(*found, placement, folder.states, folder.thresholds, folder.calibration)

    def _rows(self) -> Rows:
        get, places = self._interpreter.get_tensor, self._outputs
        # The post-processing operator leaves out scores that are not numbers, as if there were nobody.
        if places.raw_scores is not None and not np.isfinite(get(places.raw_scores)).all():
            raise ModelError(f"{self._file}: computes scores that are not numbers; it is damaged, export it again")
        boxes, classes, scores = (get(index)[0] for index in (places.boxes, places.classes, places.scores))
        count = get(places.count).reshape(-1)[0] * self._rows_per_face
        return checked_rows(self._file, boxes, classes, scores, count, self._floor)


def _the_input(file: Path, details: list[dict[str, Any]]) -> dict[str, Any]:
    shape = tuple(int(side) for side in details[0]["shape"]) if details else ()
    if len(details) != 1 or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise ModelError(f"{file}: input {shape} is not one RGB picture (1, height, width, 3)")
    if not 1 <= min(shape[1:3]) <= max(shape[1:3]) <= MAX_SIDE_PX:
        raise ModelError(f"{file}: input {shape} has a side below 1 or above {MAX_SIDE_PX} pixels; export it again")
    return details[0]


def _checked_outputs(file: Path, outputs: Outputs | None, details: list[dict[str, Any]]) -> Outputs:
    """Return the outputs if they have TFOD2's shapes and type."""
    shapes = {int(one["index"]): tuple(int(side) for side in one["shape"]) for one in details}
    if outputs is not None and all(one["dtype"] == np.float32 for one in details):
        boxes, *rows = (shapes.get(index, ()) for index in (outputs.boxes, outputs.classes, outputs.scores))
        right = len(boxes) == 3 and boxes[2] == 4 and rows == [boxes[:2]] * 2 and boxes[0] == 1
        if right and shapes.get(outputs.count) in ((1,), ()):
            return outputs
    raise ModelError(
        f"{file}: outputs {sorted(shapes.values())} are not those of TFOD2's detection post-processing "
        "(boxes 1xNx4, classes 1xN, scores 1xN, count 1); export it with export_tflite_graph_tf2"
    )

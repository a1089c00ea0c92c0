"""What TFOD2's post-processing op outputs: the lowest score, and the scores of all states of one face.

The op of most exports outputs the best state of each face alone, and so hides that the face looked like another state
too. It is patched in memory to output every state of each face: `monitor.detectors.decode` joins them, and the rules
weigh all of their scores. (Its other way, suppression within each class, loses a class in LiteRT 2.3.0 with two
threads.)

`monitor.training.export` writes models with a floor of `EXPORTED_FLOOR`. A model is loaded unchanged if its own floor
is at least that and no higher than the thresholds in effect. It is patched in memory, to the lowest of these
thresholds, if its own floor is

- none, or almost none, as in stock TFOD2 exports: the op would sort thousands of scores of noise;
- above a threshold: detections that the settings accept would be lost silently.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from monitor.detectors.tflite_file import DAMAGED, POST_PROCESSING

_LEAST, _BY_CLASS = "nms_score_threshold", "use_regular_nms"
_CLASSES, _PER_FACE = "num_classes", "max_classes_per_detection"

#: The op outputs a row for each state of each face; a model of many classes, as of COCO, keeps its own number.
_MOST_STATES = 8

#: The floor of exports made by this project: no threshold chosen for a model is lower, and noise rarely scores higher.
EXPORTED_FLOOR = 0.05


def with_all_states(model: bytes, floor: float) -> bytes:
    """Return a TFLite model whose post-processing op outputs every state of a face whose best scores `floor` or more.

    Its output has `rows_per_face` rows for each face that it counts. See the module for when the floor is left as it
    is. Without a floor the op sorts all anchors and suppresses overlaps among noise: 1.9 of the 6.2 ms of an inference
    of the 416x256 model, 0.2 ms with a floor of 0.33. Detections above the floor stay bit-identical, since only boxes
    with higher scores suppress a box. A model that has no such op, or cannot be parsed, is returned unchanged; LiteRT
    reports what is wrong with it.
    """
    return _patched(model, floor, every_state=True)


def with_score_floor(model: bytes, floor: float) -> bytes:
    """Return a TFLite model whose post-processing op outputs only scores from `floor` on; see `with_all_states`."""
    return _patched(model, floor, every_state=False)


def rows_per_face(model: bytes) -> int:
    """Return how many rows, of one class each, the post-processing op outputs for each face that it counts."""
    try:
        for stated, _ in _operators(bytearray(model)):
            if not stated[_BY_CLASS].AsInt:
                return int(min(stated[_PER_FACE].AsInt, stated[_CLASSES].AsInt))
    except DAMAGED:
        pass
    return 1


def _patched(model: bytes, floor: float, *, every_state: bool) -> bytes:
    changed = bytearray(model)
    try:
        for stated, write in _operators(changed):
            if not _just_under(EXPORTED_FLOOR) <= stated[_LEAST].AsFloat <= floor:
                stated[_LEAST].MutateFloat(_just_under(floor))
            if every_state and not stated[_BY_CLASS].AsInt and stated[_CLASSES].AsInt <= _MOST_STATES:
                stated[_PER_FACE].MutateInt(stated[_CLASSES].AsInt)
            write()
    except DAMAGED:
        return model
    return bytes(changed)


def _operators(model: bytearray) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Yield the options of each post-processing op, and a function that writes them into the model when changed."""
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    root = schema.Model.GetRootAs(model)
    for graph in map(root.Subgraphs, range(root.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            if root.OperatorCodes(operator.OpcodeIndex()).CustomCode() != POST_PROCESSING:
                continue
            inside: Any = operator.CustomOptionsAsNumpy()
            options = bytearray(inside.tobytes())

            def write(inside: Any = inside, options: bytearray = options) -> None:
                inside[:] = np.frombuffer(options, np.uint8)

            yield flexbuffers.GetRoot(options).AsMap, write


def _just_under(score: float) -> float:
    """Return the next lower number in single precision, in which the op compares."""
    return float(np.nextafter(np.float32(score), np.float32(0)))

"""What TFOD2's post-processing op outputs: the lowest score, and the scores of several states of one face.

The op of most exports suppresses every box that overlaps a better one, of whatever class, and so hides that a face
looked like another state too. It is patched in memory to suppress within a class, as the SavedModel does:
`monitor.detectors.decode` joins the states of a face, and the rules weigh all of their scores.

`monitor.training.export` writes models with a floor of `EXPORTED_FLOOR`. A model is loaded unchanged if its own floor
is at least that and no higher than the thresholds in effect. It is patched in memory, to the lowest of these
thresholds, if its own floor is

- none, or almost none, as in stock TFOD2 exports: the op would sort thousands of scores of noise;
- above a threshold: detections that the settings accept would be lost silently.
"""

from typing import Any

import numpy as np

from monitor.detectors.tflite_file import DAMAGED, POST_PROCESSING

_LEAST, _BY_CLASS = "nms_score_threshold", "use_regular_nms"

#: The floor of exports made by this project: no threshold chosen for a model is lower, and noise rarely scores higher.
EXPORTED_FLOOR = 0.05


def with_all_states(model: bytes, floor: float) -> bytes:
    """Return a TFLite model whose post-processing op outputs every state of a face that scores `floor` or more.

    See the module for when the floor is left as it is. Without a floor the op sorts all anchors and suppresses
    overlaps among noise: 1.9 of the 6.2 ms of an inference of the 416x256 model, 0.2 ms with a floor of 0.33.
    Detections above the floor stay bit-identical, since only boxes with higher scores suppress a box. Suppression by
    class takes no longer. A model that has no such op, or cannot be parsed, is returned unchanged; LiteRT reports what
    is wrong with it.
    """
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    changed = bytearray(model)
    try:
        root = schema.Model.GetRootAs(changed)
        for graph in map(root.Subgraphs, range(root.SubgraphsLength())):
            for operator in map(graph.Operators, range(graph.OperatorsLength())):
                if root.OperatorCodes(operator.OpcodeIndex()).CustomCode() != POST_PROCESSING:
                    continue
                inside: Any = operator.CustomOptionsAsNumpy()
                options = bytearray(inside.tobytes())
                stated = flexbuffers.GetRoot(options).AsMap
                if not _just_under(EXPORTED_FLOOR) <= stated[_LEAST].AsFloat <= floor:
                    stated[_LEAST].MutateFloat(_just_under(floor))
                if _BY_CLASS in [str(key.AsKey) for key in stated.Keys]:
                    _set(stated[_BY_CLASS])
                inside[:] = np.frombuffer(options, np.uint8)
    except DAMAGED:
        return model
    return bytes(changed)


def _set(flag: Any) -> None:
    """Set a flag, which exporters write as a boolean or as a number."""
    if flag.IsBool:
        flag.MutateBool(True)
    else:
        flag.MutateInt(1)


def _just_under(score: float) -> float:
    """Return the next lower number in single precision, in which the op compares."""
    return float(np.nextafter(np.float32(score), np.float32(0)))

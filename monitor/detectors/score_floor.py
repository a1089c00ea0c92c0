"""The lowest score that TFOD2's post-processing op outputs.

`monitor.training.export` writes models with a floor of `EXPORTED_FLOOR`. A model is loaded unchanged if its own floor
is at least that and no higher than the thresholds in effect. It is patched in memory, to the lowest of these
thresholds, if its own floor is

- none, or almost none, as in stock TFOD2 exports: the op would sort thousands of scores of noise;
- above a threshold: detections that the settings accept would be lost silently.
"""

from typing import Any

import numpy as np

from monitor.detectors.tflite_file import DAMAGED, POST_PROCESSING

_LEAST = "nms_score_threshold"

#: The floor of exports made by this project: no threshold chosen for a model is lower, and noise rarely scores higher.
EXPORTED_FLOOR = 0.05


def with_score_floor(model: bytes, floor: float) -> bytes:
    """Return a TFLite model whose post-processing op outputs every detection that scores `floor` or more.

    See the module for when the model is returned unchanged. Without a floor the op sorts all anchors and suppresses
    overlaps among noise: 1.9 of the 6.2 ms of an inference of the 416x256 model, 0.2 ms with a floor of 0.33.
    Detections above the floor stay bit-identical, since only boxes with higher scores suppress a box. A model that has
    no such op, or cannot be parsed, is returned unchanged; LiteRT reports what is wrong with it.
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
                least = flexbuffers.GetRoot(options).AsMap[_LEAST]
                if not _just_under(EXPORTED_FLOOR) <= least.AsFloat <= floor:
                    least.MutateFloat(_just_under(floor))
                    inside[:] = np.frombuffer(options, np.uint8)
    except DAMAGED:
        return model
    return bytes(changed)


def _just_under(score: float) -> float:
    """Return the next lower number in single precision, in which the op compares."""
    return float(np.nextafter(np.float32(score), np.float32(0)))

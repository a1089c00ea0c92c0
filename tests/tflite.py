"""Small TFLite files that tell what they were shown, and what they state of themselves."""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from monitor.detectors.preprocessing import SCALINGS, Scaling

LABEL_MAP = """
item { id: 1 name: 'with_mask' }
item { id: 2 name: 'without_mask' }
item { id: 3 name: 'mask_weared_incorrect' }
"""

#: Boxes of the three faces, as TFOD2's anchors: y and x of the centre, height, width.
ANCHORS = [[0.3, 0.3, 0.4, 0.2], [0.5, 0.75, 0.6, 0.3], [0.75, 0.2, 0.3, 0.2]]


class _Graph:
    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes, self.model.metadata, self.model.signatureDefs = [], [], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def buffer(self, data: bytes) -> int:
        one = schema.BufferT()
        one.data = np.frombuffer(data, np.uint8)
        self.model.buffers.append(one)
        return len(self.model.buffers) - 1

    def tensor(self, shape: tuple[int, ...], dtype: Any = np.float32, values: Any = None) -> int:
        one = schema.TensorT()
        one.name = f"tensor{len(self.graph.tensors)}".encode()
        one.shape, one.buffer = list(shape), 0
        kinds = {np.float32: "FLOAT32", np.uint8: "UINT8", np.int8: "INT8", np.int32: "INT32", np.float16: "FLOAT16"}
        one.type = getattr(schema.TensorType, kinds[dtype])
        if values is not None:
            one.buffer = self.buffer(np.asarray(values, dtype).reshape(shape).tobytes())
        self.graph.tensors.append(one)
        return len(self.graph.tensors) - 1

    def constant(self, values: Any, dtype: Any = np.float32) -> int:
        return self.tensor(np.shape(values), dtype, values)

    def operator(self, kind: str, inputs: list[int], outputs: list[int], options: bytes | None = None) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind, schema.BuiltinOperator.CUSTOM)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        one = schema.OperatorT()
        one.opcodeIndex, one.inputs, one.outputs = len(self.model.operatorCodes), inputs, outputs
        if options is not None:
            code.customCode = kind.encode()
            one.customOptions = np.frombuffer(options, np.uint8)
        if kind == "MEAN":
            one.builtinOptionsType = schema.BuiltinOptions.ReducerOptions
            one.builtinOptions = schema.ReducerOptionsT()
            one.builtinOptions.keepDims = True
        elif kind in ("MUL", "ADD"):
            one.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind.capitalize()}Options")
            one.builtinOptions = getattr(schema, f"{kind.capitalize()}OptionsT")()
        self.model.operatorCodes.append(code)
        self.graph.operators.append(one)


def telling(
    scaling: Scaling = SCALINGS["minus_one_to_one"],
    *,
    dtype: Any = np.float32,
    quantisation: tuple[float, int] | None = None,
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
    size: tuple[int, int] = (64, 96),
    any_size: bool = False,
    gain: float = 1.0,
    shuffled: bool = False,
    post_processing: bool = True,
    classes: tuple[float, ...] = (0, 1, 2),
) -> bytes:
    """Return a network that was trained with a scaling: its three faces score the mean red, green and blue, 0..1.

    `quantisation` is the input's scale and zero point, `normalisation` the mean and std in its metadata; `gain`
    multiplies the scores; `shuffled` numbers the output tensors in another order. Without `post_processing` it is as a
    CenterNet: its outputs are named in its signature, and `classes` are its classes.
    """
    net = _Graph()
    place = net.tensor((1, *size, 3), dtype)
    net.graph.inputs = [place]
    if any_size:
        net.graph.tensors[place].shapeSignature = [1, -1, -1, 3]
    pixels = place
    if quantisation is not None:
        stated = schema.QuantizationParametersT()
        stated.scale, stated.zeroPoint = [quantisation[0]], [quantisation[1]]
        net.graph.tensors[place].quantization = stated
        pixels = net.tensor((1, *size, 3))
        net.operator("DEQUANTIZE", [place], [pixels])
    elif dtype is not np.float32:
        pixels = net.tensor((1, *size, 3))
        net.operator("CAST", [place], [pixels])
    mean, column, scaled, shifted, scores = (
        net.tensor(shape) for shape in [(1, 1, 1, 3)] + [(1, 3, 1)] * 3 + [(1, 3, 3)]
    )
    net.operator("MEAN", [pixels, net.constant([1, 2], np.int32)], [mean])
    net.operator("RESHAPE", [mean, net.constant([1, 3, 1], np.int32)], [column])
    net.operator("MUL", [column, net.constant([[[gain * one / 255] for one in scaling.std]])], [scaled])
    net.operator("ADD", [scaled, net.constant([[[gain * one / 255] for one in scaling.mean]])], [shifted])
    if post_processing:
        net.operator("MUL", [shifted, net.constant(np.eye(3)[None])], [scores])
        shapes = [(1, 3, 4), (1, 3), (1, 3), (1,)]
        order = (3, 2, 1, 0) if shuffled else (0, 1, 2, 3)
        made = {role: net.tensor(shapes[role]) for role in order}
        options = {
            "max_detections": 3, "max_classes_per_detection": 1, "detections_per_class": 3, "use_regular_nms": False,
            "nms_score_threshold": 0.0, "nms_iou_threshold": 0.6, "num_classes": 3,
            "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0,
        }  # fmt: skip
        inputs = [net.constant(np.zeros((1, 3, 4))), scores, net.constant(ANCHORS)]
        outputs = [made[role] for role in range(4)]
        net.operator("TFLite_Detection_PostProcess", inputs, outputs, bytes(flexbuffers.Dumps(options)))
    else:
        centre = np.array(ANCHORS, np.float32)
        boxes = np.concatenate([centre[:, :2] - centre[:, 2:] / 2, centre[:, :2] + centre[:, 2:] / 2], axis=1)
        flat = net.tensor((1, 3))
        net.operator("RESHAPE", [shifted, net.constant([1, 3], np.int32)], [flat])
        outputs = [net.constant(boxes[None]), net.constant([classes]), flat, net.constant([3.0])]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex, signature.inputs = b"serving_default", 0, []
        signature.outputs = []
        for number, index in enumerate(reversed(outputs)):
            one = schema.TensorMapT()
            one.name, one.tensorIndex = f"output_{number}".encode(), index
            signature.outputs.append(one)
        net.model.signatureDefs = [signature]
    net.graph.outputs = sorted(outputs)
    if normalisation is not None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = b"TFLITE_METADATA", net.buffer(_metadata(*normalisation))
        net.model.metadata = [entry]
    builder = flatbuffers.Builder(1 << 14)
    builder.Finish(net.model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _metadata(mean: tuple[float, ...], std: tuple[float, ...]) -> bytes:
    """Return TensorFlow Lite Metadata with a normalisation of the first input."""
    builder = flatbuffers.Builder(1 << 10)

    def table(fields: dict[int, int], kind: int | None = None) -> int:
        builder.StartObject(max([*fields, 0]) + 1)
        for number, offset in fields.items():
            builder.PrependUOffsetTRelativeSlot(number, offset, 0)
        if kind is not None:
            builder.PrependUint8Slot(0, kind, 0)
        return builder.EndObject()

    def tables(offset: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    floats = {
        number: builder.CreateNumpyVector(np.array(values, np.float32)) for number, values in ((0, mean), (1, std))
    }
    unit = table({1: table(floats)}, kind=1)
    subgraph = table({2: tables(table({4: tables(unit)}))})
    builder.Finish(table({3: tables(subgraph)}), b"M001")
    return bytes(builder.Output())


def model_folder(folder: Path, data: bytes, *, manifest: str = "", pipeline: str = "", labels: str = LABEL_MAP) -> Path:
    """Write a model folder with this float export, thresholds of 0.1, and the files whose text is given."""
    folder.mkdir()
    (folder / "model.tflite").write_bytes(data)
    (folder / "label_map.pbtxt").write_text(labels, "utf-8")
    thresholds = "thresholds: {with_mask: 0.1, without_mask: 0.1, incorrect: 0.1}\n"
    (folder / "model.yaml").write_text(thresholds + manifest, "utf-8")
    if pipeline:
        (folder / "pipeline.config").write_text(pipeline, "utf-8")
    return folder

"""What a TFLite file states of itself: its input, which output is what, its classes, and its metadata."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from monitor.detectors.preprocessing import InputType, Scaling
from monitor.domain.errors import ModelError

POST_PROCESSING = b"TFLite_Detection_PostProcess"

#: What reading a damaged FlatBuffer may raise.
DAMAGED = (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError)

_METADATA, _METADATA_ID = b"TFLITE_METADATA", b"M001"

#: TFOD2's exporter names the outputs of a CenterNet, which has no post-processing operator, in the order of its graph.
_BY_SIGNATURE = (b"output_3", b"output_2", b"output_1", b"output_0")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Indices of the tensors with the detections; `raw_scores` is what the post-processing operator takes, or None."""

    boxes: int
    classes: int
    scores: int
    count: int
    raw_scores: int | None = None


@dataclass(frozen=True, slots=True)
class TfliteFacts:
    """The facts of a file; each is None where it states nothing.

    `scaling` is that of the normalisation in its metadata (TensorFlow Lite Metadata), `class_count` the number of
    classes without the background.
    """

    input: InputType
    outputs: Outputs | None
    class_count: int | None
    scaling: Scaling | None


def read_facts(file: Path) -> TfliteFacts:
    """Return the facts of a TFLite file; raises `ModelError` if it cannot be read as one."""
    from ai_edge_litert import schema_py_generated as schema

    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}") from error
    if data[4:8] != b"TFL3":
        raise ModelError(f"{file}: is not a TFLite file; export it again")
    try:
        model = schema.Model.GetRootAs(data)
        graph = model.Subgraphs(0)
        operators = list(_post_processing(model, graph))
        outputs = {int(index) for index in graph.OutputsAsNumpy()}
        return TfliteFacts(
            input=_input(graph.Tensors(graph.Inputs(0))),
            outputs=_outputs(operators[0], outputs) if operators else _signature_outputs(model, outputs),
            class_count=_options(operators[0])["num_classes"].AsInt if operators else None,
            scaling=_metadata_scaling(model),
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise ModelError(f"{file}: normalisation in its metadata: {fault['loc'][0]}: {fault['msg']}") from error
    except DAMAGED as error:
        raise ModelError(f"{file}: is damaged; export it again: {' '.join(str(error).split())}") from error


def _post_processing(model: Any, graph: Any) -> Iterator[Any]:
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        if model.OperatorCodes(operator.OpcodeIndex()).CustomCode() == POST_PROCESSING:
            yield operator


def _options(operator: Any) -> Any:
    from flatbuffers import flexbuffers

    return flexbuffers.GetRoot(bytearray(operator.CustomOptionsAsNumpy().tobytes())).AsMap


def _input(tensor: Any) -> InputType:
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.TensorType
    types = {kinds.FLOAT32: np.float32, kinds.UINT8: np.uint8, kinds.INT8: np.int8}
    if tensor.Type() not in types:
        names = {number: name.lower() for name, number in vars(kinds).items() if isinstance(number, int)}
        raise ValueError(f"input type {names.get(tensor.Type(), tensor.Type())} is not float32, uint8 or int8")
    dtype = np.dtype(types[tensor.Type()])
    quantisation = tensor.Quantization()
    if dtype == np.float32 or quantisation is None or quantisation.ScaleLength() == 0:
        return InputType(dtype)
    if quantisation.ScaleLength() > 1 or not 0 < quantisation.Scale(0) < float("inf"):
        raise ValueError("the quantisation of its input is not one positive scale")
    return InputType(dtype, float(quantisation.Scale(0)), int(quantisation.ZeroPoint(0)))


def _outputs(operator: Any, graph_outputs: set[int]) -> Outputs | None:
    """Return the operator's outputs, in the order that it defines, if they are those of the graph."""
    found = [int(index) for index in operator.OutputsAsNumpy()]
    if len(found) != 4 or set(found) != graph_outputs:
        return None
    boxes, classes, scores, count = found
    return Outputs(boxes, classes, scores, count, raw_scores=int(operator.Inputs(1)))


def _signature_outputs(model: Any, graph_outputs: set[int]) -> Outputs | None:
    if model.SignatureDefsLength() != 1:
        return None
    signature = model.SignatureDefs(0)
    maps = list(map(signature.Outputs, range(signature.OutputsLength())))
    indices = {one.Name(): int(one.TensorIndex()) for one in maps}
    if set(indices) != set(_BY_SIGNATURE) or set(indices.values()) != graph_outputs:
        return None
    boxes, classes, scores, count = (indices[name] for name in _BY_SIGNATURE)
    return Outputs(boxes, classes, scores, count)


def _metadata_scaling(model: Any) -> Scaling | None:
    """Return the normalisation of the first input in TensorFlow Lite Metadata, or None.

    The numbers are the fields' places in `metadata_schema.fbs` of TFLite Support.
    """
    from flatbuffers import encode, number_types
    from flatbuffers.table import Table

    for entry in map(model.Metadata, range(model.MetadataLength())):
        if entry.Name() != _METADATA:
            continue
        inside = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
        if inside[4:8] != _METADATA_ID:
            raise ValueError("its metadata is not TensorFlow Lite Metadata")
        root = Table(inside, encode.Get(number_types.UOffsetTFlags.packer_type, inside, 0))
        for subgraph in _tables(root, 3)[:1]:
            for tensor in _tables(subgraph, 2)[:1]:
                for unit in _tables(tensor, 4):
                    if unit.GetSlot(4, 0, number_types.Uint8Flags) == 1:  # NormalizationOptions
                        options = Table(inside, 0)
                        unit.Union(options, unit.Offset(6))
                        return Scaling.model_validate({"mean": _floats(options, 0), "std": _floats(options, 1)})
    return None


def _tables(table: Any, field: int) -> list[Any]:
    from flatbuffers.table import Table

    offset = table.Offset(4 + 2 * field)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]


def _floats(table: Any, field: int) -> tuple[float, ...]:
    """Return a vector of floats, one value standing for all three channels."""
    from flatbuffers import number_types

    offset = table.Offset(4 + 2 * field)
    if not offset:
        return ()
    values = table.GetVectorAsNumpy(number_types.Float32Flags, offset)
    return tuple(float(value) for value in (np.repeat(values, 3) if len(values) == 1 else values))

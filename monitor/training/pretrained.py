"""A TFLite classification, segmentation or pose network as the starting point of TFOD2 training.

Google publishes quantised MobileNets as TFLite files; TFOD2 starts only from TensorFlow checkpoints. `convert` reads
the convolutions of the file in order, de-quantises them, and writes them into the backbone of the detector that a
pipeline describes.

The files carry batch normalisation folded into the convolutions. Each batch norm therefore starts as the identity plus
the folded bias, and then gets the statistics of its input on training images (mean m, variance v: moving_mean = m,
moving_variance = v, gamma = sqrt(v + eps), beta = bias + m). The computed function is the same, and training mode
agrees with inference mode from the first step.

Folding also leaves filters of very different lengths (squared, from 0.01 to 120 in these files). With a batch norm, the
length of the filters before it does not affect the function, but it affects training: the effective step of a gradient
falls with the square of the length, so that with one learning rate some layers would diverge and others not change.
Every filter is therefore scaled to the length of fresh (He) weights, and its batch norm compensates for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.training import tfod
from monitor.training.errors import TrainingError

Floats = NDArray[np.float32]

#: Length (L2) of a filter of fresh He weights, at any size; all filters are scaled to it.
FILTER_LENGTH = 2.0**0.5

#: A filter shorter than this is dead: scaled, it would be noise.
_DEAD = 1e-3


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution of a TFLite file, de-quantised.

    `kernel` float32 (h, w, in, out), or (h, w, channels, 1) when `depthwise`; `bias` float32 (out,).
    """

    kernel: Floats
    bias: Floats
    depthwise: bool


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of `convert`: the number of filled convolutions, and the names of those left random."""

    checkpoint: Path
    filled: int
    left_random: tuple[str, ...]


def read_convolutions(path: Path) -> list[Convolution]:
    """Return the convolutions of a TFLite file in graph order, de-quantised. Custom operators are ignored.

    Raises:
        TrainingError: the file is missing or is not a TFLite model with convolutions.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"cannot read the backbone {path}: {error.strerror}") from error
    if data[4:8] != b"TFL3":
        raise TrainingError(f"{path} is not a TFLite model")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    depthwise_code, plain_code = schema.BuiltinOperator.DEPTHWISE_CONV_2D, schema.BuiltinOperator.CONV_2D
    found: list[Convolution] = []
    for operator in graph.operators:
        kind = model.operatorCodes[operator.opcodeIndex]
        code = max(kind.builtinCode, kind.deprecatedBuiltinCode)
        if code not in (depthwise_code, plain_code):
            continue
        weights, bias = (_dequantised(model, graph.tensors[index]) for index in operator.inputs[1:3])
        order = (1, 2, 3, 0)  # both (out, h, w, in) -> (h, w, in, out) and (1, h, w, c) -> (h, w, c, 1)
        found.append(Convolution(np.transpose(weights, order), bias, bool(code == depthwise_code)))
    if not found:
        raise TrainingError(f"{path} contains no convolutions")
    return found


def _dequantised(model: Any, tensor: Any) -> Floats:
    """Return a constant tensor of the file as float32."""
    types = {0: np.float32, 2: np.int32, 3: np.uint8, 9: np.int8}
    if tensor.type not in types:
        raise TrainingError(f"the backbone stores weights of a type ({tensor.type}) that is not supported")
    values = np.frombuffer(bytes(model.buffers[tensor.buffer].data), types[tensor.type]).reshape(tensor.shape)
    if tensor.type == 0:
        return values.astype(np.float32)
    scale = np.asarray(tensor.quantization.scale, np.float32)
    zero = np.asarray(tensor.quantization.zeroPoint, np.float32)
    if scale.size > 1:
        shape = [1] * values.ndim
        shape[tensor.quantization.quantizedDimension] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return ((values.astype(np.float32) - zero) * scale).astype(np.float32)


def convert(tflite: Path, pipeline: Path, images: Sequence[NDArray[np.uint8]], out_dir: Path) -> Conversion:
    """Write a checkpoint that `fine_tune_checkpoint_type: "classification"` starts from.

    Args:
        tflite: the backbone, quantised or float.
        pipeline: a pipeline.config whose model is an SSD with a Keras MobileNet feature extractor.
        images: RGB training images, uint8 (H, W, 3), all of one size; about 100 give stable statistics.
        out_dir: the folder for the checkpoint, `out_dir/backbone-1`.

    Raises:
        TrainingError: the file does not fit the pipeline's backbone.
    """
    tfod.load()
    import tensorflow as tf
    from object_detection.builders import model_builder
    from object_detection.utils import config_util

    config = config_util.get_configs_from_pipeline_file(str(pipeline))["model"]
    detector = model_builder.build(config, is_training=False)
    height, width = images[0].shape[:2]
    detector.predict(tf.zeros((1, height, width, 3)), tf.constant([[height, width, 3]]))
    backbone = detector.feature_extractor.classification_backbone
    left = _fill(backbone, read_convolutions(tflite), tflite)
    _give_statistics(backbone, images, random=set(left))
    out_dir.mkdir(parents=True, exist_ok=True)
    saved = tf.train.Checkpoint(feature_extractor=backbone).save(str(out_dir / "backbone"))
    total = sum(1 for layer in backbone.layers if _is_convolution(layer))
    return Conversion(Path(saved), total - len(left), tuple(left))


def _is_convolution(layer: Any) -> bool:
    import tensorflow as tf

    return isinstance(layer, tf.keras.layers.Conv2D | tf.keras.layers.DepthwiseConv2D)


def _norm_after(backbone: Any, layer: Any) -> Any:
    """Return the batch norm that reads this convolution's output."""
    return layer.outbound_nodes[0].outbound_layer


def _fill(backbone: Any, convolutions: Sequence[Convolution], source: Path) -> list[str]:
    """Assign kernels in order, and biases as the betas of identity batch norms; return names that do not fit.

    Only the detector's own last, narrowed convolution may differ in its number of outputs.
    """
    import tensorflow as tf

    layers = [layer for layer in backbone.layers if _is_convolution(layer)]
    left: list[str] = []
    for index, layer in enumerate(layers):
        depthwise = isinstance(layer, tf.keras.layers.DepthwiseConv2D)
        variable = layer.depthwise_kernel if depthwise else layer.kernel
        expected = tuple(variable.shape)
        source_convolution = convolutions[index] if index < len(convolutions) else None
        if (
            source_convolution is None
            or source_convolution.depthwise != depthwise
            or source_convolution.kernel.shape != expected
        ):
            if index != len(layers) - 1:
                actual = "none" if source_convolution is None else str(source_convolution.kernel.shape)
                raise TrainingError(
                    f"{source.name} does not fit the pipeline's backbone: convolution {index + 1} ({layer.name}) "
                    f"needs {expected}, the file has {actual}; check feature_extractor.type and depth_multiplier"
                )
            left.append(layer.name)
            continue
        kernel, length = balanced(source_convolution.kernel, depthwise)
        variable.assign(kernel)
        norm = _norm_after(backbone, layer)
        norm.gamma.assign(np.sqrt(1.0 + norm.epsilon) * length)
        norm.beta.assign(source_convolution.bias)
        norm.moving_mean.assign(tf.zeros_like(norm.moving_mean))
        norm.moving_variance.assign(tf.ones_like(norm.moving_variance))
    return left


def balanced(kernel: Floats, depthwise: bool) -> tuple[Floats, Floats]:
    """Return the kernel with every filter scaled to `FILTER_LENGTH`, and the factor (out,) of each output."""
    axes = (0, 1, 3) if depthwise else (0, 1, 2)
    length = np.sqrt(np.square(kernel).sum(axis=axes)) / FILTER_LENGTH
    length = np.where(length * FILTER_LENGTH < _DEAD, 1.0, length).astype(np.float32)
    shape = (1, 1, -1, 1) if depthwise else (1, 1, 1, -1)
    return (kernel / length.reshape(shape)).astype(np.float32), length


def _give_statistics(backbone: Any, images: Sequence[NDArray[np.uint8]], random: set[str]) -> None:
    """Replace the identity batch norms by equivalent ones with the actual mean and variance of their inputs."""
    import tensorflow as tf

    pairs = [(layer, _norm_after(backbone, layer)) for layer in backbone.layers if _is_convolution(layer)]
    probe = tf.keras.Model(backbone.inputs, [layer.output for layer, _ in pairs])
    sums = [np.zeros((2, layer.output.shape[-1]), np.float64) for layer, _ in pairs]
    for image in images:
        batch = tf.constant(image[None].astype(np.float32) * (2.0 / 255.0) - 1.0)
        for index, output in enumerate(probe(batch, training=False)):
            flat = output.numpy().reshape(-1, output.shape[-1]).astype(np.float64)
            sums[index] += np.stack([flat.mean(0), np.square(flat).mean(0)])
    for (layer, norm), total in zip(pairs, sums, strict=True):
        mean, square = total / len(images)
        variance = np.maximum(square - mean**2, 1e-6)
        if layer.name not in random:
            length = norm.gamma.numpy() / np.sqrt(1.0 + norm.epsilon)
            norm.beta.assign_add(mean * length)
            norm.gamma.assign(np.sqrt(variance + norm.epsilon) * length)
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(variance)

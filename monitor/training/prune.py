"""`monitor train prune`: converts a trained detector's weights to a model with narrower inner layers.

For each narrowed layer, the channels to keep are chosen by the error of the layer that reads them (Optimal Brain
Surgeon, Hassibi and Stork 1993, on the activations as in He et al. 2017): with h the activations of the channels and W
the weights that read them, a channel's removal costs w^2 / [H^-1]cc in squared error of W h, H being the covariance of
h, once the other weights have been adjusted. The cheapest channel is removed, the others are adjusted, and so on. The
result computes nearly the same, and a short training restores the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.training import tfod
from monitor.training.checkpoint import restore
from monitor.training.errors import TrainingError
from monitor.training.pipelines import read_model_config

Floats = NDArray[np.floating[Any]]

#: Share of the mean variance that is added to every channel's, so that the covariance of redundant channels can be
#: inverted.
_RIDGE = 1e-5
#: Positions sampled per picture; with a few hundred pictures they give stable covariances.
_POSITIONS = 3000


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """A convolution with fewer outputs than before, the layers after it, and the layer that reads them.

    `between` are layers with one weight per channel, `activation` the last before the reader; `kernel` is the reader's,
    (1, 1, channels, outputs), and `scale` what its outputs are multiplied by after it.
    """

    first: str
    between: tuple[str, ...]
    activation: str
    kernel: tuple[Any, Any]
    shift: Callable[[Floats], None]
    scale: Floats


def prune(
    pipeline: Path,
    checkpoint: Path,
    narrower: Path,
    images: Sequence[NDArray[np.uint8]],
    out_dir: Path,
    report: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write a checkpoint for `narrower` with nearly the same output as `checkpoint`; return its prefix.

    Args:
        pipeline: the pipeline.config that the checkpoint was trained with.
        checkpoint: path prefix of the checkpoint.
        narrower: the pipeline.config of the same model with `monitor.training.lean`'s extractor.
        images: RGB training pictures, uint8 (H, W, 3); about 150 give stable covariances.
        out_dir: the folder for the checkpoint.
        report: called with a line about the loss of each layer.

    Raises:
        TrainingError: the checkpoint does not fit, or the pipelines differ in more than the width of layers.
    """
    tfod.load()
    import tensorflow as tf

    wide, lean = _built(pipeline), _built(narrower)
    restore(wide, checkpoint)
    if len(wide.variables) != len(lean.variables):
        raise TrainingError(f"{narrower}: is not the same kind of model as {pipeline}")
    for before, after in zip(wide.variables, lean.variables, strict=True):
        if before.shape == after.shape:
            after.assign(before)
    whole, bare = (model.feature_extractor.classification_backbone for model in (wide, lean))
    parts = list(_narrowed(wide, lean))
    if not parts:
        raise TrainingError(f"{narrower}: has no layer that is narrower than in {pipeline}")
    for part, (mean, covariance) in zip(parts, _statistics(whole, parts, images), strict=True):
        kernel, narrow = part.kernel
        weights = kernel.numpy()[0, 0].astype(np.float64) * part.scale
        kept, weights, lost = surviving(mean, covariance, weights, int(narrow.shape[2]))
        report(f"{part.first}: {len(mean)} to {len(kept)} channels, {100 * lost:.1f} % of the variance lost")
        for name in (part.first, *part.between):
            pairs = zip(whole.get_layer(name).weights, bare.get_layer(name).weights, strict=True)
            for old, new in pairs:
                axis = 2 if "depthwise_kernel" in old.name else -1
                new.assign(np.take(old.numpy(), kept, axis=axis))
        narrow.assign((weights / part.scale)[None, None].astype(np.float32))
        part.shift(mean @ (kernel.numpy()[0, 0] * part.scale) - mean[kept] @ weights)
    out_dir.mkdir(parents=True, exist_ok=True)
    return Path(tf.train.Checkpoint(model=lean).save(str(out_dir / "ckpt")))


def surviving(mean: Floats, covariance: Floats, weights: Floats, count: int) -> tuple[NDArray[np.intp], Floats, float]:
    """Choose `count` channels that preserve nearly all of the output.

    Args:
        mean: of each channel (n,); not used for the choice, since a constant is corrected in the next layer.
        covariance: of the channels (n, n).
        weights: of the layer that reads them (n, outputs).
        count: the number of channels to keep.

    Returns:
        The indices of the kept channels, in order; their new weights (count, outputs); and the share of the variance of
        the outputs that is lost (0..1).
    """
    size = len(mean)
    covariance = covariance + np.eye(size, dtype=np.float64) * (
        _RIDGE * np.trace(covariance) / size + np.finfo(float).tiny
    )
    cross = covariance @ weights
    left, kept = weights.copy(), np.arange(size)
    inverse: Floats = np.linalg.inv(covariance)
    while len(kept) > count:
        worst = int(np.argmin(np.square(left).sum(axis=1) / np.diag(inverse)))
        column = inverse[:, worst] / inverse[worst, worst]
        left = np.delete(left - np.outer(column, left[worst]), worst, axis=0)
        inverse = np.delete(np.delete(inverse - np.outer(column, inverse[worst]), worst, axis=0), worst, axis=1)
        kept = np.delete(kept, worst)
    # Solved again, since the updates above accumulate rounding errors.
    left = np.linalg.solve(covariance[np.ix_(kept, kept)], cross[kept])
    explained, total = float((left * cross[kept]).sum()), float((weights * cross).sum())
    return kept, left, 1.0 - explained / total if total > 0 else 0.0


def _built(pipeline: Path) -> Any:
    import tensorflow as tf
    from object_detection.builders import model_builder

    config = read_model_config(pipeline).model
    resizer = config.ssd.image_resizer.fixed_shape_resizer
    shape = [int(resizer.height), int(resizer.width), 3]
    model = model_builder.build(config, is_training=False)
    model.predict(tf.zeros((1, *shape)), tf.constant([shape]))
    return model


def _narrowed(wide: Any, lean: Any) -> Iterator[_Narrowed]:
    """Find the backbone's convolutions that have fewer outputs in `lean`, in the order of the network."""
    import tensorflow as tf

    whole, bare = (model.feature_extractor.classification_backbone for model in (wide, lean))
    for first in whole.layers:
        if not _is_pointwise_or_full(first) or first.filters == bare.get_layer(first.name).filters:
            continue
        between, reader = [], _next(first)
        while reader is not None and not _is_pointwise_or_full(reader):
            between.append(reader)
            reader = _next(reader)
        kernels: tuple[Any, Any]
        if reader is None:  # the last layer of the backbone is read by the feature pyramid
            [kernels] = _variables(wide, lean, "projection_3/kernel:0")
            [(_, bias)] = _variables(wide, lean, "projection_3/bias:0")
            scale, shift = np.ones(kernels[0].shape[-1]), _adder(bias, np.ones(kernels[0].shape[-1]))
        else:
            kernels = (reader.kernel, bare.get_layer(reader.name).kernel)
            norm = _next(reader)
            scale = (norm.gamma / tf.sqrt(norm.moving_variance + norm.epsilon)).numpy().astype(np.float64)
            shift = _adder(bare.get_layer(norm.name).moving_mean, -1 / scale)
        weighted = tuple(layer.name for layer in between if layer.weights)
        yield _Narrowed(first.name, weighted, between[-1].name, kernels, shift, scale)


def _is_pointwise_or_full(layer: Any) -> bool:
    import tensorflow as tf

    return isinstance(layer, tf.keras.layers.Conv2D) and not isinstance(layer, tf.keras.layers.DepthwiseConv2D)


def _next(layer: Any) -> Any:
    """Return the layer that reads this one's output in the backbone, or None; inner layers have at most one."""
    return layer.outbound_nodes[0].outbound_layer if layer.outbound_nodes else None


def _variables(wide: Any, lean: Any, ending: str) -> list[tuple[Any, Any]]:
    both = zip(wide.variables, lean.variables, strict=True)
    return [(before, after) for before, after in both if before.name.endswith(ending)]


def _adder(variable: Any, factor: Floats) -> Callable[[Floats], None]:
    return lambda value: variable.assign_add((value * factor).astype(np.float32))


def _statistics(
    backbone: Any, parts: Sequence[_Narrowed], images: Sequence[NDArray[np.uint8]]
) -> list[tuple[Floats, Floats]]:
    """Return the mean (n,) and covariance (n, n) of each part's channels over the pictures."""
    import tensorflow as tf

    outputs = [backbone.get_layer(part.activation).output for part in parts]
    probe = tf.function(tf.keras.Model(backbone.inputs, outputs))
    rng = np.random.default_rng(0)
    counts = [0] * len(parts)
    sums: list[Floats] = [np.zeros(output.shape[-1]) for output in outputs]
    squares: list[Floats] = [np.zeros((output.shape[-1],) * 2) for output in outputs]
    for image in images:
        batch = tf.constant(image[None].astype(np.float32) * (2.0 / 255.0) - 1.0)
        for index, output in enumerate(probe(batch)):
            rows = output.numpy().reshape(-1, output.shape[-1]).astype(np.float64)
            if len(rows) > _POSITIONS:
                rows = rows[rng.choice(len(rows), _POSITIONS, replace=False)]
            counts[index] += len(rows)
            sums[index] += rows.sum(axis=0)
            squares[index] += rows.T @ rows
    means = [total / count for total, count in zip(sums, counts, strict=True)]
    return [
        (mean, square / count - np.outer(mean, mean))
        for mean, square, count in zip(means, squares, counts, strict=True)
    ]

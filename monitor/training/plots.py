"""Plots: data statistics, precision over recall, calibration, confusion. Matplotlib, no window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monitor.domain.detection import DECIDED_STATES
from monitor.training import metrics
from monitor.training.dataset import Annotation
from monitor.training.errors import TrainingError
from monitor.training.evaluate import Evaluation


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise TrainingError("plots need matplotlib: pip install matplotlib") from error
    mpl.use("Agg")
    from matplotlib import pyplot

    return pyplot


def plot_statistics(splits: Mapping[str, Sequence[Annotation]], labels: Sequence[str], path: Path) -> None:
    """Plot boxes by class and split, and face heights by class."""
    pyplot = _pyplot()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    width = 0.8 / len(splits)
    for index, (name, split) in enumerate(splits.items()):
        counts = [sum(box.label == label for one in split for box in one.boxes) for label in labels]
        bars = left.bar(np.arange(len(labels)) + index * width, counts, width, label=name)
        left.bar_label(bars)
    left.set_xticks(np.arange(len(labels)) + 0.4 - width / 2, labels)
    left.set_ylabel("boxes")
    left.legend()
    everything = [one for split in splits.values() for one in split]
    heights = [
        [box.y2_px - box.y1_px for one in everything for box in one.boxes if box.label == name] for name in labels
    ]
    right.hist([values or [1.0] for values in heights], bins=np.geomspace(3, 400, 25), label=list(labels), stacked=True)
    right.set_xscale("log")
    right.set_xlabel("face height, pixels of the picture")
    right.set_ylabel("boxes")
    right.legend()
    _finish(pyplot, figure, path)


def plot_evaluation(evaluations: Mapping[str, Evaluation], folder: Path) -> list[Path]:
    """Plot precision over recall, calibration and confusion of each model; return the files."""
    pyplot = _pyplot()
    folder.mkdir(parents=True, exist_ok=True)
    curves, reliability, table = (folder / f"{name}.png" for name in ("precision_recall", "calibration", "confusion"))
    figure, axes = pyplot.subplots(1, len(DECIDED_STATES), figsize=(14, 4), sharey=True)
    for index, (axis, state) in enumerate(zip(axes, DECIDED_STATES, strict=True)):
        for name, one in evaluations.items():
            recall, precision = _curve([metrics.class_hits(picture, index) for picture in one.judged])
            axis.plot(recall, precision, label=f"{name}: AP50 {one.ap50[state.value]:.3f}")
            axis.plot(one.recall[state.value], one.precision[state.value], "ko", markersize=4)
        axis.set(title=state.value, xlabel="recall", xlim=(0, 1), ylim=(0, 1.02))
        axis.legend(loc="lower left", fontsize="small")
    axes[0].set_ylabel("precision (dot: shipped threshold)")
    _finish(pyplot, figure, curves)
    figure, axis = pyplot.subplots(figsize=(5, 5))
    axis.plot([0, 1], [0, 1], "k:")
    for name, one in evaluations.items():
        scores, right = [part.mean_score for part in one.calibration], [part.right for part in one.calibration]
        axis.plot(scores, right, "o-", label=f"{name}: error {one.calibration_error:.3f}")
    axis.set(xlabel="score", ylabel="share of correct detections", xlim=(0, 1), ylim=(0, 1))
    axis.legend()
    _finish(pyplot, figure, reliability)
    figure, panels = pyplot.subplots(1, len(evaluations), figsize=(6 * len(evaluations), 5), squeeze=False)
    for axis, (name, one) in zip(panels[0], evaluations.items(), strict=True):
        _draw_confusion(axis, name, np.array(one.confusion))
    _finish(pyplot, figure, table)
    return [curves, reliability, table]


def _curve(parts: Sequence[metrics.ClassHits]) -> tuple[metrics.Floats, metrics.Floats]:
    scores = np.concatenate([part.scores for part in parts])
    hits = np.concatenate([part.hits for part in parts])[np.argsort(-scores, kind="mergesort")]
    true = np.cumsum(hits)
    return true / max(sum(part.faces for part in parts), 1), true / np.arange(1, len(hits) + 1)


def _draw_confusion(axis: Any, name: str, counts: metrics.Ints) -> None:
    states = [state.value for state in DECIDED_STATES]
    axis.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(counts):
        axis.text(column, row, str(value), ha="center", va="center")
    axis.set_xticks(range(len(states) + 1), [*states, "missed"], rotation=20)
    axis.set_yticks(range(len(states) + 1), [*states, "no face"])
    axis.set(title=name, xlabel="detected", ylabel="actual")


def _finish(pyplot: Any, figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)

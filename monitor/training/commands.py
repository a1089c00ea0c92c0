"""The training commands: settings from options, progress, and tables or JSON."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from monitor.config.detector import Backend, DetectorSettings, Precision
from monitor.detectors.fitting import Resize
from monitor.detectors.folder import LABEL_MAP, MANIFEST, SAVED_MODEL, TFLITE
from monitor.detectors.opening import open_detector
from monitor.domain.calibration import LEAST_SCORE
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.geometry import Box
from monitor.training.dataset import ALL, Annotation, open_dataset
from monitor.training.errors import TrainingError
from monitor.training.evaluate import (
    FACE_HEIGHTS_PX,
    SCORE_FLOOR,
    Evaluation,
    demand_pycocotools,
    evaluate,
    judge,
    samples_of,
)
from monitor.training.labels import parse_size
from monitor.training.own_exports import accepted_models, remember
from monitor.training.pictures import Pixels, read

if TYPE_CHECKING:
    from monitor.training.views import ViewSettings

#: Train pictures that calibrate batch norms in `init` and int8 ranges in `export`: figures are stable from about 100.
CALIBRATION_PICTURES = 200
#: Train pictures whose activations decide which channels `prune` removes.
PRUNING_PICTURES = 150

_out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 200)
_notes = Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def _bar(name: str, total: int) -> Iterator[tuple[Bar, TaskID] | None]:
    """Yield a progress bar on a terminal, None if output is piped."""
    if not _notes.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, TextColumn("{task.fields[status]}"), console=_notes) as bar:
        yield bar, bar.add_task(name, total=total, status="")


def view_settings(
    classes: int,
    frame: str,
    view_size: int,
    scale: str,
    mosaic: float,
    shares: str,
    degrade: float,
    tint: float,
    turn_deg: float,
    dressed: float,
) -> ViewSettings:
    """Return the settings of views from the options of `monitor train prepare`; raises `TrainingError`."""
    from monitor.training.views import ViewSettings

    height, width = parse_size(frame)
    low, high = _numbers("--scale", scale, "-")
    if not 0 < low <= high:
        raise TrainingError(f"--scale {scale}: expected LOW-HIGH, such as 0.6-2.2")
    class_share = _numbers("--shares", shares, ",", count=None)
    if len(class_share) != classes:
        raise TrainingError(f"--shares: {len(class_share)} shares for {classes} classes; give one per class")
    return ViewSettings(
        size_px=view_size,
        frame_px=(width, height),
        scale=(low, high),
        mosaic=mosaic,
        class_share=class_share,
        degrade=degrade,
        tint=tint,
        turn_deg=turn_deg,
        dressed=dressed,
    )


def _numbers(option: str, text: str, between: str, count: int | None = 2) -> tuple[float, ...]:
    """Return the numbers of an option, separated by `between`."""
    try:
        found = tuple(float(part) for part in text.split(between))
    except ValueError:
        found = ()
    if not found or (count is not None and len(found) != count) or min(found) < 0:
        raise TrainingError(f"{option} {text!r}: expected numbers separated by {between!r}")
    return found


def run_prepare(
    data_dir: Path,
    out_dir: Path,
    views: int,
    view: ViewSettings,
    seed: int,
    states: Mapping[str, MaskState],
    more: Sequence[tuple[Path, str | None]] = (),
) -> None:
    """`monitor train prepare`."""
    from monitor.training.prepare import PrepareSettings, prepare

    settings = PrepareSettings(states=states, views=views, view=view, seed=seed, more=more)
    with _bar("views", views or 1) as bar:
        prepared = prepare(
            data_dir, out_dir, settings, lambda done, _: bar[0].update(bar[1], completed=done) if bar else None
        )
    for split, figures in prepared.statistics.items():
        boxes = ", ".join(f"{count} {label}" for label, count in figures["boxes"].items())
        empty = figures["pictures_with_nobody"]
        _out.print(f"{split}: {figures['pictures']} pictures ({empty} without a face), {boxes}")
    for remark in prepared.remarks:
        _notes.print(f"{data_dir}: {remark}", markup=False)
    _out.print(f"wrote {prepared.folder}")


def run_find_faces(
    data_dir: Path,
    out_dir: Path,
    model: Path,
    label: str | None,
    corrections: Path | None,
    states: Mapping[str, MaskState],
) -> None:
    """`monitor train find-faces`."""
    from monitor.training.supplement import supplement

    bare = [name for name, state in states.items() if state is MaskState.WITHOUT_MASK]
    with _bar("pictures", 1) as bar:
        done = supplement(
            data_dir,
            out_dir,
            model,
            tuple(states),
            bare,
            label,
            corrections,
            lambda count, total: bar[0].update(bar[1], completed=count, total=total) if bar else None,
        )
    _out.print(
        f"{done.pictures} pictures: {done.labelled} faces, {done.ignored} ignored, landmarks of {done.landmarks}; "
        f"wrote {done.folder}"
    )


def run_init(backbone: Path, pipeline: Path, data: Path, out_dir: Path, states: Mapping[str, MaskState]) -> None:
    """`monitor train init`."""
    from monitor.training.pipelines import read_model_config
    from monitor.training.pretrained import convert

    resizer = read_model_config(pipeline).model.ssd.image_resizer.fixed_shape_resizer
    size = (int(resizer.width), int(resizer.height))
    pictures = _some_pictures(_annotations(data, "train", states), CALIBRATION_PICTURES // 2)
    rgb = [np.asarray(cv2.cvtColor(cv2.resize(one, size), cv2.COLOR_BGR2RGB), np.uint8) for one in pictures]
    done = convert(backbone, pipeline, rgb, out_dir)
    _out.print(f"filled {done.filled} convolutions; randomly initialised: {', '.join(done.left_random) or 'none'}")
    _out.print(f'wrote {done.checkpoint}; use it with fine_tune_checkpoint_type: "classification"')


def run_prune(
    checkpoint: Path,
    pipeline: Path,
    narrower: Path,
    data: Path,
    out_dir: Path,
    size: tuple[int, int],
    states: Mapping[str, MaskState],
) -> None:
    """`monitor train prune`; `size` is (height, width)."""
    from monitor.detectors.fitting import ModelInput
    from monitor.detectors.resize import resize_to_input
    from monitor.training.prune import prune

    pictures = _some_pictures(_annotations(data, "train", states), PRUNING_PICTURES)
    rgb = [resize_to_input(one, ModelInput(*size)) for one in pictures]
    written = prune(pipeline, checkpoint, narrower, rgb, out_dir, _notes.print)
    _out.print(f'wrote {written}; continue training with fine_tune_checkpoint_type: "full"')


def run_train(
    pipeline: Path,
    run_dir: Path,
    steps: int | None,
    save_every: int,
    eval_every: int,
    eval_size: tuple[int, int] | None,
    teacher: Path | None,
    resize: Resize,
    states: Mapping[str, MaskState],
) -> None:
    """`monitor train run`."""
    from monitor.training.loop import Progress
    from monitor.training.pipelines import read_pipeline
    from monitor.training.run import RunSettings, train

    settings = RunSettings(save_every, eval_every, eval_size, steps, teacher, resize)
    total = min(steps or sys.maxsize, int(read_pipeline(pipeline)["train_config"].num_steps))
    with _bar("training", total) as bar:

        def report(progress: Progress) -> None:
            losses = " ".join(f"{name.removesuffix('_loss')} {value:.3f}" for name, value in progress.losses.items())
            status = f"{losses} | rate {progress.learning_rate:.4f} | {progress.steps_per_s:.2f} steps/s"
            if bar:
                bar[0].update(bar[1], completed=progress.step, status=status)
            else:
                left = f"{progress.left_s / 60:.0f} min left"
                _out.print(f"{time.strftime('%H:%M:%S')} step {progress.step} of {total} | {status} | {left}")

        result = train(pipeline, run_dir, settings, states, report, _notes.print)
    _out.print(f"step {result.step}; best on val: {result.best_map50} in {result.best}")


def run_blend(checkpoints: Sequence[Path], pipeline: Path, out_dir: Path) -> None:
    """`monitor train blend`."""
    from monitor.training.checkpoint import blend
    from monitor.training.pipelines import read_model_config

    _out.print(f"wrote {blend(read_model_config(pipeline).model, checkpoints, out_dir)}")


def run_evaluate(
    model: Path,
    data: Path,
    split: str,
    backend: Backend,
    precision: Precision,
    against: Path | None,
    plots: Path | None,
    states: Mapping[str, MaskState],
    *,
    as_json: bool,
) -> None:
    """`monitor evaluate`."""
    demand_pycocotools()
    shipped = {folder: open_thresholds(folder) for folder in (model, against) if folder is not None}
    annotations = _annotations(data, split, states)
    found = {
        str(folder): _evaluate_folder(folder, thresholds, backend, precision, annotations, states)
        for folder, thresholds in shipped.items()
    }
    if plots is not None:
        from monitor.training.plots import plot_evaluation

        for path in plot_evaluation(found, plots):
            _notes.print(f"wrote {path}")
    if as_json:
        first = found[str(model)].as_json()
        second = {"against": found[str(against)].as_json()} if against else {}
        _out.print_json(json.dumps(first | second))
    else:
        _print_evaluations(found)


def _evaluate_folder(
    folder: Path,
    shipped: dict[MaskState, float],
    backend: Backend,
    precision: Precision,
    annotations: Sequence[Annotation],
    states: Mapping[str, MaskState],
) -> Evaluation:
    """Evaluate a folder without thresholds, for AP, and with its own thresholds, for precision and recall."""
    low = dict.fromkeys(DECIDED_STATES, SCORE_FLOOR)
    settings = DetectorSettings(
        model=folder,
        backend=backend,
        precision=precision,
        thresholds=low,  # type: ignore[arg-type]
        accepted_sha256=accepted_models(),
    )
    opened = open_detector(settings)
    annotated = {states[box.label] for one in annotations for box in one.boxes}
    if annotated.isdisjoint(opened.folder.states.values()):
        wanted = ", ".join(sorted(state.value for state in annotated))
        raise TrainingError(f"{folder}: detects none of the states of the annotated faces ({wanted})")
    with _bar(folder.name, len(annotations)) as bar:
        judged = judge(
            opened.detector,
            samples_of(annotations, states),
            lambda done: bar[0].update(bar[1], completed=done) if bar else None,
        )
    opened.detector.close()
    return evaluate(judged, shipped)


def run_calibrate(
    model: Path, data: Sequence[Path], clips: Path | None, split: str, states: Mapping[str, MaskState]
) -> None:
    """`monitor train calibrate`."""
    from monitor.replay.clip_truth import read_clip_truth
    from monitor.training.calibrate import Samples, add_clip, add_picture, cross_validate, fit, write_calibration

    low = dict.fromkeys(DECIDED_STATES, LEAST_SCORE)
    opened = open_detector(DetectorSettings(model=model, thresholds=low))  # type: ignore[arg-type]
    samples, used = Samples(), []
    for folder in data:
        annotations = _annotations(folder, split, states)
        with _bar(folder.name, len(annotations)) as bar:
            for done, one in enumerate(annotations, start=1):
                faces = [
                    (Box(face.x1_px, face.y1_px, face.x2_px, face.y2_px), DECIDED_STATES.index(states[face.label]))
                    for face in one.boxes
                ]
                add_picture(samples, opened.detector, read(one.image), faces, one.name)
                if bar:
                    bar[0].update(bar[1], completed=done)
        used.append(f"{folder.name} {split}, {len(annotations)} pictures")
    for name, truth in ({} if clips is None else read_clip_truth(clips)).items():
        add_clip(samples, opened.detector, cast(Path, clips) / name, truth)
        used.append(name)
    opened.detector.close()
    calibration = fit(samples, "; ".join(used))
    check = cross_validate(samples)
    write_calibration(model, calibration)
    _out.print("detections: " + ", ".join(f"{count} {name}" for name, count in samples.counts().items()))
    _out.print(
        f"cross-validated: error {check.face:.3f} nats whether a face, {check.violation:.3f} nats whether a violation; "
        f"{check.wrong_side:.1%} of single detections on the wrong side"
    )
    _out.print(f"wrote the calibration to {model / MANIFEST}")


def open_thresholds(folder: Path) -> dict[MaskState, float]:
    """Return the thresholds of a model folder."""
    from monitor.detectors.folder import load_model_folder

    return load_model_folder(folder, DetectorSettings(model=folder)).thresholds


def run_export(
    pipeline: Path,
    checkpoint: Path,
    data: Path,
    out_dir: Path,
    size: tuple[int, int],
    name: str,
    training_data: str,
    licence: str,
    recipe: Path | None,
    cpu_default: Precision,
    resize: Resize,
    states: Mapping[str, MaskState],
) -> None:
    """`monitor export`."""
    from monitor.training.card import CardFacts, model_card
    from monitor.training.export import ExportSettings, export
    from monitor.training.records import write_label_map

    settings = ExportSettings(name, size, states, training_data, licence, cpu_default, resize)
    pictures = _some_pictures(_annotations(data, "train", states), CALIBRATION_PICTURES)
    val = list(samples_of(_annotations(data, "val", states), states))
    label_map = checkpoint.parent / LABEL_MAP
    write_label_map(label_map, list(states))
    done = export(pipeline, checkpoint, out_dir, label_map, settings, pictures, val, _notes.print)
    words = recipe.read_text(encoding="utf-8") if recipe else "See `pipeline.config`."
    facts = CardFacts(name, settings.input_size, training_data, licence, words, TFLITE[cpu_default])
    (done.folder / "MODEL_CARD.md").write_text(model_card(facts, done.files, done.lost()), encoding="utf-8")
    _out.print(f"checkpoint: mAP50 {done.checkpoint.map50:.3f}")
    for file, figures in done.files.items():
        _out.print(f"{file}: mAP50 {figures.map50:.3f}, {done.lost()[file]:+.3f} lost")
    remember(done.folder / SAVED_MODEL)
    _out.print(f"wrote {done.folder}; to run its SavedModel in the monitor: models accept {done.folder}")


def _annotations(data: Path, split: str, states: Mapping[str, MaskState]) -> tuple[Annotation, ...]:
    """Return the checked pictures of a split; raises `TrainingError` if there is no face in it."""
    folder = open_dataset(data)
    names = folder.names(split)
    if names is None:
        others = ", ".join(name for name in ("train", "val", "test", ALL) if folder.names(name))
        raise TrainingError(
            f"{data}: has no split {split!r}: no file {split}.txt, and no folder of that name; it has {others}"
        )
    found = folder.read(names, states)
    for remark in found.remarks:
        _notes.print(f"{data}: {remark}", markup=False)
    return found.demand(f"{data}, {split}").annotations


def _some_pictures(annotations: Sequence[Annotation], count: int) -> list[Pixels]:
    """Return up to `count` evenly spread pictures, upright (H x W x 3, uint8, BGR)."""
    step = max(len(annotations) / count, 1.0)
    return [read(annotations[int(index * step)].image) for index in range(min(count, len(annotations)))]


def _print_evaluations(found: dict[str, Evaluation]) -> None:
    """Print the figures of each model, one block per model with the same rows."""
    for name, one in found.items():
        low, high = one.map50_interval
        _out.print(f"\n{name}: {one.pictures} pictures")
        _out.print(
            f"  mAP50 {one.map50:.3f} [{low:.3f}, {high:.3f}]   mAP {one.map:.3f}   any state {one.ap50_any_state:.3f}"
        )
        for state in DECIDED_STATES:
            key = state.value
            interval = ", ".join(_figure(limit) for limit in one.interval50[key])
            _out.print(
                f"  {key:13} {one.faces[key]:5} faces  AP50 {_figure(one.ap50[key])} [{interval}]  at "
                f"{one.thresholds[key]:.3f}: precision {_figure(one.precision[key])} recall {_figure(one.recall[key])}"
            )
        sizes = "   ".join(f"{name} {_figure(one.ap50_by_height[name])}" for name in FACE_HEIGHTS_PX)
        _out.print(f"  AP50 by face height, any state: {sizes}")
        names = [state.value for state in DECIDED_STATES]
        _out.print("  actual \\ found" + "".join(f"{name:>14}" for name in [*names, "missed"]))
        for row, counts in zip([*names, "nobody"], one.confusion, strict=True):
            _out.print(f"  {row:14}" + "".join(f"{count:14}" for count in counts))
        _out.print(f"  calibration error {one.calibration_error:.3f}")


def _figure(value: float) -> str:
    return "  -  " if math.isnan(value) else f"{value:.3f}"

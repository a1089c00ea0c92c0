"""`monitor train run`: trains a pipeline, evaluates on val, keeps the best weights, and resumes a stopped run."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.detectors.fitting import ModelInput, Resize, Resizing, neutral_colour
from monitor.detectors.pipeline_config import ssd_scaling
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.training.checkpoint import CheckpointDetector
from monitor.training.distil import Teacher
from monitor.training.errors import TrainingError
from monitor.training.evaluate import SCORE_FLOOR, Evaluation, Sample, evaluate, judge
from monitor.training.loop import AveragedWeights, Progress, Trainer
from monitor.training.pipelines import read_pipeline

#: A checkpoint holds weights, their averages and the optimiser's momenta, three times the weights; two are kept while a
#: third is written, besides the best.
_COPIES_ON_DISK = 12

_BEST = "best"
_SCORE = "evaluation.json"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run evaluates and saves.

    `eval_size` is the input's (height, width) for the evaluation on val: that of the deployed model, which may be
    larger than the training views. None: the pipeline's. `resize` is how pictures get that size. `teacher` is a model
    folder, see `monitor.training.distil`.
    """

    save_every: int = 250
    eval_every: int = 1000
    eval_size: tuple[int, int] | None = None
    until: int | None = None
    teacher: Path | None = None
    resize: Resize = Resize.FIT


@dataclass(frozen=True, slots=True)
class RunResult:
    """The last step of a run, and the best evaluation on val (None if there was none)."""

    step: int
    best: Path | None
    best_map50: float | None


def train(
    pipeline: Path,
    run_dir: Path,
    settings: RunSettings,
    states: Mapping[str, MaskState],
    report: Callable[[Progress], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Train to the end of the pipeline, or to `settings.until`.

    `run_dir` gets checkpoints (`ckpt-*`), TensorBoard logs (`train/`), the process id while it runs (`run.pid`), and
    under `best/` the averaged weights with the best result on val, with their figures, and under `averages/STEP/` those
    of each evaluation, for `blend`. A second call resumes from there.

    Raises:
        TrainingError: something does not fit, another process trains here, or the disk is too small.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    pid = run_dir / "run.pid"
    _refuse_second_run(pid)
    samples = _val_samples(read_pipeline(pipeline)["eval_input_configs"], states)
    teacher = Teacher(settings.teacher) if settings.teacher else None
    trainer = Trainer(pipeline, run_dir, teacher=teacher)
    _check_disk(trainer, run_dir)
    if trainer.resumed_from:
        notify(f"resuming from step {trainer.resumed_from}")
    judge_val = _ValJudge(trainer, samples, settings.eval_size, settings.resize)
    log = _TensorBoard(run_dir / "train")
    end = min(settings.until or trainer.total_steps, trainer.total_steps)
    pid.write_text(f"{os.getpid()}\n", encoding="utf-8")
    try:
        _go(trainer, end, settings, judge_val, log, report, notify)
    finally:
        pid.unlink(missing_ok=True)
        log.close()
    best = run_dir / _BEST
    return RunResult(int(trainer.step.numpy()), best if best.is_dir() else None, _best_score(best))


def _go(
    trainer: Trainer,
    end: int,
    settings: RunSettings,
    judge_val: _ValJudge,
    log: _TensorBoard,
    report: Callable[[Progress], None],
    notify: Callable[[str], None],
) -> None:
    def on_progress(progress: Progress) -> None:
        log.progress(progress)
        report(progress)

    while (step := int(trainer.step.numpy())) < end:
        stops = [(step // every + 1) * every for every in (settings.save_every, settings.eval_every)]
        trainer.run(min(*stops, end), on_progress)
        step = int(trainer.step.numpy())
        if step % settings.save_every == 0 or step == end:
            trainer.save()
        if step % settings.eval_every == 0 or step == end:
            result = judge_val()
            log.evaluation(step, result)
            by_state = ", ".join(f"{name} {value:.3f}" for name, value in result.ap50.items())
            notify(f"step {step}: val mAP50 {result.map50:.3f} ({by_state})")
            _keep_best(trainer, result, step, judge_val.size)
            trainer.save_average(trainer.run_dir / "averages" / str(step))


class _ValJudge:
    """Evaluates the averaged weights on val; the graph is traced once."""

    def __init__(self, trainer: Trainer, samples: list[Sample], size: tuple[int, int] | None, resize: Resize) -> None:
        ssd = trainer.configs["model"].ssd
        resizer = ssd.image_resizer.fixed_shape_resizer
        self.size = size or (int(resizer.height), int(resizer.width))
        self._taken = ModelInput(*self.size, Resizing(resize, neutral_colour(ssd_scaling(ssd.feature_extractor.type))))
        self.samples = samples
        self._trainer = trainer
        self._detector: CheckpointDetector | None = None

    def __call__(self) -> Evaluation:
        """Return the evaluation of the current averaged weights."""
        with AveragedWeights(self._trainer):
            if self._detector is None:
                states = dict(enumerate(DECIDED_STATES, start=1))
                self._detector = CheckpointDetector(self._trainer.model, self._taken, states, SCORE_FLOOR)
            judged = judge(self._detector, self.samples)
        return evaluate(judged, dict.fromkeys(DECIDED_STATES, 0.5), rounds=1)


def _val_samples(readers: Sequence[Any], states: Mapping[str, MaskState]) -> list[Sample]:
    """Return the pictures of the pipeline's evaluation readers; raises `TrainingError` if there is no face in them."""
    from monitor.training.records import read_pictures

    paths = [Path(path) for reader in readers for path in reader.tf_record_input_reader.input_path]
    try:
        samples = [sample for path in paths for sample in read_pictures(path, states)]
    except KeyError as error:
        raise TrainingError(
            f"{paths[0]}: has the class {error}, which is not a mask state; map it with --label"
        ) from error
    if not any(len(one.boxes) for one in samples):
        where = ", ".join(map(str, paths)) or "eval_input_reader"
        raise TrainingError(
            f"{where}: {len(samples)} picture(s) without an annotated face, so that val cannot tell which weights are "
            "best; run `scripts/train train prepare` again"
        )
    return samples


def _keep_best(trainer: Trainer, result: Evaluation, step: int, size: tuple[int, int]) -> None:
    """Replace `best/` if this evaluation is better, after the new one is complete."""
    best = trainer.run_dir / _BEST
    before = _best_score(best)
    if math.isnan(result.map50) or (before is not None and result.map50 <= before):
        return
    fresh = trainer.run_dir / f"{_BEST}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    trainer.save_average(fresh)
    figures = {"step": step, "input_size": list(size), **result.as_json()}
    (fresh / _SCORE).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    shutil.rmtree(best, ignore_errors=True)
    fresh.rename(best)


def _best_score(best: Path) -> float | None:
    try:
        return float(json.loads((best / _SCORE).read_text(encoding="utf-8"))["map50"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse_second_run(pid_file: Path) -> None:
    """Raise `TrainingError` if another process trains in this folder, since both would write its checkpoints."""
    try:
        pid = int(pid_file.read_text(encoding="utf-8"))
        os.kill(pid, 0)
    except (OSError, ValueError):
        return  # no file, or its process has ended
    if pid != os.getpid():
        raise TrainingError(f"process {pid} is training in {pid_file.parent}; stop it or use another --run-dir")


def _check_disk(trainer: Trainer, run_dir: Path) -> None:
    weights = sum(math.prod(variable.shape) * variable.dtype.size for variable in trainer.variables)
    needed, free = weights * _COPIES_ON_DISK, shutil.disk_usage(run_dir).free
    if free < needed:
        raise TrainingError(f"{run_dir}: {free / 1e6:.0f} MB free, checkpoints need {needed / 1e6:.0f} MB")


class _TensorBoard:
    """Scalars for TensorBoard under one folder."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._writer: Any = tf.summary.create_file_writer(str(folder))

    def progress(self, progress: Progress) -> None:
        """Write losses, learning rate and speed."""
        values = {f"loss/{name}": value for name, value in progress.losses.items()}
        self._write(
            progress.step, {**values, "learning_rate": progress.learning_rate, "steps_per_s": progress.steps_per_s}
        )

    def evaluation(self, step: int, result: Evaluation) -> None:
        """Write the figures on val."""
        values = {"val/map": result.map, "val/map50": result.map50}
        self._write(step, values | {f"val/ap50/{name}": value for name, value in result.ap50.items()})

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        import tensorflow as tf

        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def close(self) -> None:
        """Flush and close the log."""
        self._writer.close()

"""The training loop: TFOD2's own model, input, losses and optimiser, with features that its stock loop lacks.

Besides the trained weights, the loop keeps their exponential moving average, which is evaluated and exported: on a few
hundred pictures the average is more stable than any single step. Variables that the pipeline's
`train_config.freeze_variables` names are excluded from the backward pass, so freezing early layers saves time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.training.checkpoint import demand_finite, restore
from monitor.training.distil import Teacher
from monitor.training.errors import TrainingError
from monitor.training.pipelines import read_pipeline

#: Share of the old average kept at each step: an average over about 500 steps.
AVERAGE_DECAY = 0.998


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of training: losses by name, learning rate, current steps per second, seconds left at that rate."""

    step: int
    total: int
    losses: dict[str, float]
    learning_rate: float
    steps_per_s: float
    left_s: float


class Trainer:
    """One training run in one folder; construction builds the model and restores the latest checkpoint, if any."""

    def __init__(self, pipeline: Path, run_dir: Path, keep: int = 2, teacher: Teacher | None = None) -> None:
        """Build the model, then restore the run's own latest checkpoint or the pipeline's `fine_tune_checkpoint`.

        With a `teacher`, its output replaces the annotations of the views.

        Raises:
            TrainingError: the pipeline cannot be read, names files that do not exist, or does not fit its checkpoint.
        """
        self.configs = read_pipeline(pipeline)
        import tensorflow as tf
        from object_detection import inputs
        from object_detection.builders import model_builder, optimizer_builder

        _demand_records(self.configs["train_input_config"].tf_record_input_reader.input_path)
        train = self.configs["train_config"]
        self.total_steps = int(train.num_steps)
        self.model = model_builder.build(self.configs["model"], is_training=True)
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64, name="global_step")
        self._optimizer, (self._rate,) = optimizer_builder.build(train.optimizer, global_step=self.step)
        self._data = inputs.train_input(
            train_config=train,
            train_input_config=self.configs["train_input_config"],
            model_config=self.configs["model"],
            model=self.model,
        ).repeat()
        self._build()
        freeze(self.model, list(train.freeze_variables))
        self.run_dir = run_dir
        self._teacher = teacher
        latest = tf.train.latest_checkpoint(str(run_dir))
        if latest is None:
            self._start_from(train)
        self.variables = list(self.model.variables)
        self.average = [tf.Variable(one, trainable=False) for one in self.variables]
        self._checkpoint = tf.train.Checkpoint(
            step=self.step, model=self.model, optimizer=self._optimizer, average=self.average
        )
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(run_dir), max_to_keep=keep)
        if latest is not None:
            self._restore(latest)
        self.resumed_from = int(self.step.numpy())

    def _build(self) -> None:
        """Create the variables at the training size."""
        import tensorflow as tf

        resizer = self.configs["model"].ssd.image_resizer.fixed_shape_resizer
        shape = [int(resizer.height), int(resizer.width), 3]
        self.model.predict(tf.zeros([1, *shape]), tf.constant([shape]))

    def _restore(self, latest: str) -> None:
        try:
            self._checkpoint.restore(latest).assert_existing_objects_matched()
        except (AssertionError, ValueError) as error:
            raise TrainingError(
                f"{latest} does not fit the pipeline; use another --run-dir for another model ({_first_line(error)})"
            ) from error
        demand_finite(self.variables, latest)

    def _start_from(self, train: Any) -> None:
        """Load the pipeline's `fine_tune_checkpoint`, if it has one."""
        import tensorflow as tf
        from object_detection import model_lib_v2

        if not train.fine_tune_checkpoint:
            return
        if not Path(f"{train.fine_tune_checkpoint}.index").is_file():
            raise TrainingError(
                f"fine_tune_checkpoint {train.fine_tune_checkpoint}: no such checkpoint (give its path without .index)"
            )
        if train.fine_tune_checkpoint_type == "full":  # also the variables of an exported SavedModel
            restore(self.model, Path(train.fine_tune_checkpoint))
            return
        try:
            model_lib_v2.load_fine_tune_checkpoint(
                self.model, train.fine_tune_checkpoint, train.fine_tune_checkpoint_type, 2, False, None, False
            )
        except (AssertionError, ValueError, OSError, tf.errors.OpError) as error:
            raise TrainingError(
                f"fine_tune_checkpoint {train.fine_tune_checkpoint} does not fit the pipeline's model as "
                f"{train.fine_tune_checkpoint_type!r} ({_first_line(error)})"
            ) from error

    def run(
        self,
        until: int,
        report: Callable[[Progress], None] = lambda _: None,
        report_every: int = 10,
    ) -> None:
        """Train up to step `until`, or to the pipeline's `num_steps` if that is lower; raises `TrainingError`."""
        import numpy as np
        import tensorflow as tf
        from object_detection import model_lib_v2

        train = self.configs["train_config"]
        clip = float(train.gradient_clipping_by_norm) or None

        @tf.function  # type: ignore[untyped-decorator]
        def one_step(features: Any, labels: Any) -> Any:
            if self._teacher is not None:
                losses = self._teacher.step(self.model, features, self._optimizer)
            else:
                losses = model_lib_v2.eager_train_step(
                    self.model,
                    features,
                    labels,
                    train.unpad_groundtruth_tensors,
                    self._optimizer,
                    # A copy: TFOD2 stores it in the model, where a variable would be saved with the weights, and #
                    # restored at the first step of any training that starts from them.
                    training_step=tf.identity(self.step),
                    add_regularization_loss=True,
                    clip_gradients_value=clip,
                )
            self.step.assign_add(1)
            # The decay is lower at the start, so that the average does not keep the random initialisation.
            count = tf.cast(self.step, tf.float32)
            decay = tf.minimum(AVERAGE_DECAY, (1.0 + count) / (10.0 + count))
            for mean, current in zip(self.average, self.variables, strict=True):
                mean.assign_sub((1.0 - decay) * (mean - current))
            return losses

        until = min(until, self.total_steps)
        since, marked = time.monotonic(), int(self.step.numpy())
        data = iter(self._data)
        while (now := int(self.step.numpy())) < until:
            features, labels = next(data)
            losses = one_step(features, labels)
            now += 1
            if now % report_every and now != until:
                continue
            values = {name.removeprefix("Loss/"): float(value) for name, value in losses.items()}
            if not np.isfinite(values["total_loss"]):
                raise TrainingError(f"the loss is no longer a number at step {now}; lower the learning rate")
            speed = (now - marked) / max(time.monotonic() - since, 1e-9)
            since, marked = time.monotonic(), now
            rate = float(self._rate() if callable(self._rate) else self._rate)
            report(Progress(now, self.total_steps, values, rate, speed, (self.total_steps - now) / speed))
        # The last loss was computed before the last change of the weights.
        demand_finite([*self.variables, *self.average], f"step {until}")

    def save(self) -> Path:
        """Write a checkpoint from which training can resume, and return its path."""
        return Path(self._manager.save(checkpoint_number=int(self.step.numpy())))

    def save_average(self, folder: Path) -> Path:
        """Write the averaged weights alone, as a detection checkpoint that TFOD2's exporters read."""
        import tensorflow as tf

        with AveragedWeights(self):
            return Path(tf.train.Checkpoint(model=self.model).save(str(folder / "ckpt")))


class AveragedWeights:
    """A context in which the trainer's model has its averaged weights and is in inference mode."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._kept: list[Any] = []

    def __enter__(self) -> None:
        import tensorflow as tf

        model = self._trainer.model
        self._kept = [variable.numpy() for variable in self._trainer.variables]
        for variable, mean in zip(self._trainer.variables, self._trainer.average, strict=True):
            variable.assign(mean)
        model._is_training = False  # TFOD2's own evaluation loop does the same
        tf.keras.backend.set_learning_phase(False)

    def __exit__(self, *_: object) -> None:
        import tensorflow as tf

        for variable, value in zip(self._trainer.variables, self._kept, strict=True):
            variable.assign(value)
        self._trainer.model._is_training = True
        tf.keras.backend.set_learning_phase(True)


def freeze(model: Any, patterns: Sequence[str]) -> int:
    """Freeze every layer whose variables all match one of the patterns; return how many layers."""
    import tensorflow as tf

    expressions = [re.compile(pattern) for pattern in patterns]
    frozen = 0
    for layer in model.submodules if expressions else ():
        if not isinstance(layer, tf.keras.layers.Layer) or not layer.weights or list(layer.submodules):
            continue
        if all(any(one.match(weight.name) for one in expressions) for weight in layer.weights):
            layer.trainable = False
            frozen += 1
    return frozen


def _demand_records(patterns: Sequence[str]) -> None:
    """Raise `TrainingError` if the train records have no picture: TFOD2 would repeat nothing for ever."""
    import tensorflow as tf

    paths = [path for pattern in patterns for path in tf.io.gfile.glob(pattern)]
    if not paths or not list(tf.data.TFRecordDataset(paths).take(1)):
        raise TrainingError(
            f"{', '.join(patterns) or 'train_input_reader'}: has no pictures; run `scripts/train train prepare` again"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__

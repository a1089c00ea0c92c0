"""`monitor export`: writes a model folder from a checkpoint, and compares each file with it on val."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from monitor.config.detector import Backend, DetectorSettings, Precision
from monitor.detectors.acceptance import saved_model_sha256
from monitor.detectors.fitting import ModelInput, Resize, Resizing, neutral_colour
from monitor.detectors.folder import LABEL_MAP, MANIFEST, SAVED_MODEL, TFLITE, sha256_of
from monitor.detectors.label_map import read_label_map
from monitor.detectors.opening import open_detector
from monitor.detectors.pipeline_config import PIPELINE, ssd_scaling
from monitor.detectors.resize import resize_to_input
from monitor.detectors.score_floor import EXPORTED_FLOOR, with_score_floor
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.ports import Detector
from monitor.training import metrics, tfod
from monitor.training.checkpoint import open_checkpoint, restore
from monitor.training.errors import TrainingError
from monitor.training.evaluate import SCORE_FLOOR, Evaluation, Sample, evaluate, judge, plain
from monitor.training.pipelines import read_model_config

#: The precision that `without_mask` must have on val at the shipped threshold.
WITHOUT_MASK_PRECISION = 0.95


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What to export, and its description. `input_size` is (height, width), both multiples of 32."""

    name: str
    input_size: tuple[int, int]
    states: Mapping[str, MaskState]
    training_data: str
    licence: str
    cpu_default: Precision = Precision.INT8
    resize: Resize = Resize.FIT


@dataclass(frozen=True, slots=True)
class Exported:
    """The folder, the checkpoint's figures on val, those of each file by its name, and the chosen thresholds."""

    folder: Path
    checkpoint: Evaluation
    files: dict[str, Evaluation]
    thresholds: dict[MaskState, float]

    def lost(self) -> dict[str, float]:
        """Return how much mAP at IoU 0.5 each file loses against the checkpoint."""
        return {name: self.checkpoint.map50 - one.map50 for name, one in self.files.items()}


def export(
    pipeline: Path,
    checkpoint: Path,
    out_dir: Path,
    label_map: Path,
    settings: ExportSettings,
    calibration: Sequence[NDArray[np.uint8]],
    val: Sequence[Sample],
    report: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write SavedModel, TFLite float and int8, label map, pipeline and `model.yaml`; evaluate each on `val`.

    Args:
        pipeline: the pipeline.config that the checkpoint was trained with.
        checkpoint: path prefix of a checkpoint of the model, such as a run's `best/ckpt-1`.
        out_dir: the model folder; it is replaced only when the new one is complete.
        label_map: names by class id.
        settings: name, input size, and the content of `model.yaml`.
        calibration: BGR training pictures, uint8 (H, W, 3), for the int8 ranges.
        val: pictures for the evaluation and the choice of thresholds.
        report: called with a line about each step.

    Raises:
        TrainingError: the checkpoint does not fit the pipeline, the preprocessing of its feature extractor is unknown,
            or the disk is too small.
    """
    config = sized(read_model_config(pipeline), settings.input_size)
    extractor = config.model.ssd.feature_extractor.type
    scaling = ssd_scaling(extractor)
    if scaling is None:
        raise TrainingError(f"{pipeline}: the preprocessing of the feature extractor {extractor!r} is unknown")
    taken = ModelInput(*settings.input_size, Resizing(settings.resize, neutral_colour(scaling)))
    labels = read_label_map(label_map)
    states = {class_id: settings.states[name] for class_id, name in labels.items()}
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with _whole_or_nothing(out_dir) as folder:
        shutil.copyfile(label_map, folder / LABEL_MAP)
        report("evaluating the checkpoint")
        reference = open_checkpoint(config.model, checkpoint, taken, states, SCORE_FLOOR)
        own = _judged(reference, val)
        report("writing the SavedModel")
        write_saved_model(config.model, checkpoint, settings.input_size, folder / SAVED_MODEL)
        own_sha256 = saved_model_sha256(folder / SAVED_MODEL)
        for precision, pictures in ((Precision.FLOAT, ()), (Precision.INT8, calibration)):
            report(f"writing {TFLITE[precision]}")
            data = write_tflite(config, checkpoint, taken, pictures)
            (folder / TFLITE[precision]).write_bytes(with_score_floor(data, EXPORTED_FLOOR))
        _write_pipeline(config, folder / PIPELINE)
        _write_manifest(folder, settings, str(scaling), dict.fromkeys(DECIDED_STATES, SCORE_FLOOR), {})
        files: dict[str, Evaluation] = {}
        for name, backend, precision in (
            (SAVED_MODEL, Backend.SAVEDMODEL, Precision.AUTO),
            (TFLITE[Precision.FLOAT], Backend.LITERT, Precision.FLOAT),
            (TFLITE[Precision.INT8], Backend.LITERT, Precision.INT8),
        ):
            report(f"evaluating {name}")
            detector_settings = DetectorSettings(
                model=folder, backend=backend, precision=precision, device="cpu", accepted_sha256=(own_sha256,)
            )
            detector = open_detector(detector_settings).detector
            files[name] = _judged(detector, val)
            detector.close()
        shipped = files[TFLITE[settings.cpu_default]]
        thresholds = choose_thresholds(shipped.judged)
        files = {name: evaluate(one.judged, thresholds) for name, one in files.items()}
        own = evaluate(own.judged, thresholds)
        _write_manifest(folder, settings, str(scaling), thresholds, _measured(own, files, settings))
    return Exported(out_dir, own, files, thresholds)


def _judged(detector: Detector, val: Sequence[Sample]) -> Evaluation:
    return evaluate(judge(detector, val), dict.fromkeys(DECIDED_STATES, 0.5), rounds=1)


@contextmanager
def _whole_or_nothing(out_dir: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `out_dir` if the body succeeds, and is deleted otherwise."""
    try:
        fresh = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    except OSError as error:
        raise TrainingError(f"{out_dir.parent}: cannot be written: {error.strerror}") from error
    try:
        fresh.chmod(0o755)
        yield fresh
        for kept in ("README.md", "training.config"):
            if (out_dir / kept).exists() and not (fresh / kept).exists():
                shutil.move(out_dir / kept, fresh / kept)
        shutil.rmtree(out_dir, ignore_errors=True)
        fresh.rename(out_dir)
    except OSError as error:
        raise TrainingError(f"{out_dir}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def sized(config: Any, input_size: tuple[int, int]) -> Any:
    """Return the pipeline with its resizer set to (height, width); raises `TrainingError`."""
    resizer = config.model.ssd.image_resizer.fixed_shape_resizer
    resizer.height, resizer.width = input_size
    if any(side % 32 for side in input_size):
        raise TrainingError(f"input size {input_size[0]} x {input_size[1]}: both sides must be multiples of 32")
    return config


def write_saved_model(model_config: Any, checkpoint: Path, input_size: tuple[int, int], folder: Path) -> None:
    """Write a SavedModel with `input_tensor` uint8 (N, H, W, 3) RGB of any N, H and W, and TFOD2's own outputs.

    TFOD2's stock exporter fixes N to 1; everything else is the same: classes float32 from 1, boxes `[ymin, xmin, ymax,
    xmax]` as fractions of the picture.
    """
    tfod.load()
    import tensorflow as tf
    from object_detection.builders import model_builder

    model = model_builder.build(model_config, is_training=False)
    height, width = input_size

    class Serving(tf.Module):  # type: ignore[misc]
        """The graph that is saved."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="input_tensor")]
        )
        def __call__(self, input_tensor: Any) -> dict[str, Any]:
            images = tf.image.resize(tf.cast(input_tensor, tf.float32), (height, width))
            shapes = tf.tile(tf.constant([[height, width, 3]]), [tf.shape(images)[0], 1])
            found = model.postprocess(model.predict(model.feature_extractor.preprocess(images), shapes), shapes)
            return {
                "detection_boxes": found["detection_boxes"],
                "detection_scores": found["detection_scores"],
                "detection_classes": tf.cast(found["detection_classes"], tf.float32) + 1.0,
                "num_detections": tf.cast(found["num_detections"], tf.float32),
            }

    serving = Serving()
    concrete = serving.__call__.get_concrete_function()
    restore(model, checkpoint)
    tf.saved_model.save(serving, str(folder), signatures={"serving_default": concrete})


def write_tflite(config: Any, checkpoint: Path, taken: ModelInput, calibration: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return a TFLite file with float32 input (1, H, W, 3) RGB, `taken`, and the detection post-processing operator.

    The input is scaled as by the feature extractor's `preprocess`, which is left to the caller.

    With `calibration` pictures its convolutions are int8 (per channel), with ranges from those pictures; those that
    compute the scores stay float, see `scoring_end`.
    """
    tfod.load()
    import tensorflow as tf
    from object_detection import export_tflite_graph_lib_tf2
    from object_detection.builders import model_builder

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # TFOD2's exporter requires the latest checkpoint of a folder, in a particular format.
        model = model_builder.build(config.model, is_training=False)
        shape = [taken.height_px, taken.width_px, 3]
        model.predict(tf.zeros((1, *shape)), tf.constant([shape]))
        restore(model, checkpoint)
        tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(place), max_to_keep=1).save()
        export_tflite_graph_lib_tf2.export_tflite_model(
            config, str(place), str(place / "out"), max_detections=100, use_regular_nms=False
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(str(place / "out" / "saved_model"))
        if not calibration:
            return bytes(converter.convert())
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        scaled = model.feature_extractor.preprocess
        converter.representative_dataset = lambda: (
            [scaled(tf.constant(resize_to_input(one, taken)[None], tf.float32)).numpy()] for one in calibration
        )
        # The class with which TensorFlow excludes operators from quantisation; it calibrates once.
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=converter.representative_dataset,
            debug_options=tf.lite.experimental.QuantizationDebugOptions(),
        )
        kept = scoring_end(debugger.get_nondebug_quantized_model())
        debugger.options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=kept)
        return bytes(debugger.get_nondebug_quantized_model())


def scoring_end(tflite: bytes) -> list[str]:
    """Return the names of the outputs of the operators that compute scores: from the last convolutions to the sigmoid.

    An int8 sigmoid has no score between 0 and 1/256, and few steps for the logits. The operators are found by following
    the graph back from the sigmoid: names are not reliable, since the converter joins those of operators that it fuses
    or that share a constant. A separable convolution counts as one.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite, 0))
    graph, kinds = model.subgraphs[0], schema.BuiltinOperator
    makers = {output: operator for operator in graph.operators for output in operator.outputs}

    def kind(operator: Any) -> int:
        return int(model.operatorCodes[operator.opcodeIndex].builtinCode)

    kept: list[Any] = []
    waiting = [operator for operator in graph.operators if kind(operator) == kinds.LOGISTIC]
    while waiting:
        operator = waiting.pop()
        kept.append(operator)
        before = [makers[tensor] for tensor in operator.inputs if tensor in makers]
        if kind(operator) == kinds.CONV_2D:
            before = [maker for maker in before if kind(maker) == kinds.DEPTHWISE_CONV_2D]
        if kind(operator) != kinds.DEPTHWISE_CONV_2D:
            waiting += before
    names = [graph.tensors[operator.outputs[0]].name.decode() for operator in kept]
    # Operators inserted by the converter have other names and follow their neighbours.
    return [name for name in names if not name.startswith("tfl.")]


def choose_thresholds(judged: Sequence[metrics.Judged]) -> dict[MaskState, float]:
    """Return the lowest score of each state, chosen on val.

    For `without_mask`, which raises alarms: the lowest threshold with a precision of at least `WITHOUT_MASK_PRECISION`.
    The others: the threshold of the best F1, since wrong and missing verdicts are both errors.
    """
    chosen: dict[MaskState, float] = {}
    for index, state in enumerate(DECIDED_STATES):
        parts = [metrics.class_hits(one, index) for one in judged]
        value = metrics.best_f1_threshold(parts)
        if state is MaskState.WITHOUT_MASK:
            precise = metrics.threshold_for_precision(parts, WITHOUT_MASK_PRECISION)
            value = max(value, precise) if precise is not None else value
        chosen[state] = max(value, EXPORTED_FLOOR)
    return {state: float(value) for state, value in chosen.items()}


def _measured(own: Evaluation, files: Mapping[str, Evaluation], settings: ExportSettings) -> dict[str, Any]:
    """Return the figures on val for `model.yaml`."""
    shipped = files[TFLITE[settings.cpu_default]]

    values = {
        "data": f"val, {shipped.pictures} pictures",
        "file": TFLITE[settings.cpu_default],
        "map50": shipped.map50,
        "map50_95_percent": shipped.map50_interval,
        "map": shipped.map,
        "ap50": shipped.ap50,
        "ap50_95_percent": shipped.interval50,
        "precision": shipped.precision,
        "recall": shipped.recall,
        "map50_by_file": {"checkpoint": own.map50} | {name: one.map50 for name, one in files.items()},
    }
    return {key: plain(value, digits=3) for key, value in values.items()}


def _write_manifest(
    folder: Path,
    settings: ExportSettings,
    scaling: str,
    thresholds: Mapping[MaskState, float],
    measured: Mapping[str, Any],
) -> None:
    values = {
        "name": settings.name,
        "input_size": list(settings.input_size),
        "preprocessing": scaling,
        "resize": settings.resize.value,
        "states": {label: state.value for label, state in settings.states.items()},
        "thresholds": {state.value: value for state, value in thresholds.items()},
        "cpu_default": settings.cpu_default.value,
        "training_data": settings.training_data,
        "licence": settings.licence,
        "measured": dict(measured),
        "sha256": {
            path.relative_to(folder).as_posix(): sha256_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != MANIFEST and path.suffix != ".md"
        },
    }
    (folder / MANIFEST).write_text(yaml.safe_dump(values, sort_keys=False, width=120), encoding="utf-8")


def _write_pipeline(config: Any, path: Path) -> None:
    """Write the exported pipeline; absolute paths are cut to their last part."""
    from google.protobuf import text_format

    bare = type(config)()
    bare.CopyFrom(config)
    for reader in (bare.train_input_reader, *bare.eval_input_reader):
        reader.label_map_path = _relative(reader.label_map_path)
        names = [_relative(name) for name in reader.tf_record_input_reader.input_path]
        reader.tf_record_input_reader.input_path[:] = names
    bare.train_config.fine_tune_checkpoint = _relative(bare.train_config.fine_tune_checkpoint)
    path.write_text(text_format.MessageToString(bare), encoding="utf-8")


def _relative(path: str) -> str:
    return Path(path).name if Path(path).is_absolute() else path

"""TFOD2 pipeline files: what a detector is built from and trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitor.training import tfod
from monitor.training.errors import TrainingError


def read_pipeline(pipeline: Path) -> dict[str, Any]:
    """Return TFOD2's configuration objects by name (`model`, `train_config`, `train_input_config`, ...).

    Relative paths in it are taken from the folder of the pipeline file.

    Raises:
        TrainingError: it cannot be read, or a file that it names does not exist.
    """
    tfod.load()
    from object_detection.utils import config_util

    configs: dict[str, Any] = config_util.create_configs_from_pipeline_proto(read_model_config(pipeline))
    base = pipeline.resolve().parent
    train = configs["train_config"]
    config_util.update_fine_tune_checkpoint_type(train)
    if train.fine_tune_checkpoint:
        train.fine_tune_checkpoint = str(base / train.fine_tune_checkpoint)
    readers = [configs["train_input_config"], *configs["eval_input_configs"]]
    for reader in readers:
        reader.label_map_path = str(base / reader.label_map_path)
        paths = [str(base / path) for path in reader.tf_record_input_reader.input_path]
        reader.tf_record_input_reader.input_path[:] = paths
        for path in [reader.label_map_path, *paths]:
            if "*" not in path and "?" not in path and not Path(path).is_file():
                raise TrainingError(
                    f"{pipeline}: names {path}, which does not exist; run `scripts/train train prepare` first"
                )
    return configs


def read_model_config(pipeline: Path) -> Any:
    """Return the whole pipeline as TFOD2's message, without checking the files that training needs.

    Raises:
        TrainingError: it cannot be read, or its model is not an SSD.
    """
    tfod.load()
    from google.protobuf import text_format
    from object_detection.protos import pipeline_pb2

    try:
        config = text_format.Parse(pipeline.read_text(encoding="utf-8"), pipeline_pb2.TrainEvalPipelineConfig())
    except OSError as error:
        raise TrainingError(f"{pipeline}: cannot be read: {error.strerror}") from error
    except text_format.ParseError as error:
        raise TrainingError(f"{pipeline}: is not a TFOD2 pipeline ({error})") from error
    if config.model.WhichOneof("model") != "ssd":
        raise TrainingError(f"{pipeline}: only SSD models are supported")
    return config

"""Loads TFOD2, the TensorFlow Object Detection API v2, on a current Python.

`object_detection` was last released for TensorFlow 2.15 and depends on `tf_slim`, which expects `case`, `cond`,
`while_loop` and `Assert` in `control_flow_ops`, from which TensorFlow 2.15 has removed them. `load` restores them, and
makes the API's old message files work with the native protobuf runtime (see `protos`). Every other module of this
package calls `load` before it imports `object_detection`.
"""

from __future__ import annotations

import importlib
import logging
import os
import warnings

from monitor.training import lean, protos
from monitor.training.errors import TrainingError

_SHIMS = {
    "case": "control_flow_case",
    "cond": "cond",
    "while_loop": "while_loop",
    "Assert": "control_flow_assert",
}


def load() -> None:
    """Make `object_detection` importable in this process; may be called more than once.

    Raises:
        TrainingError: TensorFlow or the Object Detection API is not installed.
    """
    protos.install()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # tf_slim, tensorflow_hub and the API use names that numpy, pkg_resources and keras have since deprecated.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        control_flow = importlib.import_module("tensorflow.python.ops.control_flow_ops")
        for name, home in _SHIMS.items():
            if not hasattr(control_flow, name):
                module = importlib.import_module(f"tensorflow.python.ops.{home}")
                setattr(control_flow, name, getattr(module, name))
        importlib.import_module("object_detection.builders.model_builder")
        lean.register()
    except ImportError as error:
        raise TrainingError(
            f"TFOD2 is not installed in this Python ({error}); training needs its own environment: see docs/training.md"
        ) from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)

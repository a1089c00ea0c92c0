"""One way in to TFOD2: the TensorFlow Object Detection API v2 as it runs on today's Python.

`object_detection` stopped at TensorFlow 2.15 and leans on `tf_slim`, which still looks for `case`, `cond`, `while_loop`
and `Assert` in `control_flow_ops`, where TensorFlow 2.15 no longer keeps them. `load` puts them back, and lets the
API's old message files run on the native protobuf runtime (see `protos`). Every other module of this package calls
`load` before it imports `object_detection`.
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
    """Make `object_detection` importable in this process; safe to call again.

    Raises:
        TrainingError: TensorFlow or the Object Detection API is not installed.
    """
    protos.install()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # tf_slim, tensorflow_hub and the API itself use what numpy, pkg_resources and keras have since renamed.
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
            f"TFOD2 is not installed in this Python ({error}); training needs an environment of its own: "
            "see docs/training.md"
        ) from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)

"""SavedModel to TFLite, in a process of its own.

TFOD2 needs the pure-Python protobuf runtime, under which the converter is several times slower than under the native
one; a process that never imports TFOD2 can use the native one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.training.errors import TrainingError


def convert(saved_model: Path, inputs: Sequence[NDArray[np.float32]], scratch: Path) -> bytes:
    """The TFLite file of a SavedModel: float, or int8 with ranges from `inputs` (each as the model takes it).

    Raises:
        TrainingError: TensorFlow's converter failed; its last line is in the message.
    """
    samples, result = scratch / "samples.npy", scratch / "converted.tflite"
    words = [str(saved_model), str(result)]
    if inputs:
        np.save(samples, np.stack(inputs))
        words.append(str(samples))
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "upb", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "monitor.training.convert", *words],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"TFLite conversion failed: {last[:300]}")
    return result.read_bytes()


def main(saved_model: str, result: str, samples: str | None = None) -> None:
    """Convert, in this process."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    if samples is not None:
        inputs = np.load(samples)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([one] for one in inputs)
    Path(result).write_bytes(converter.convert())


if __name__ == "__main__":
    main(*sys.argv[1:])

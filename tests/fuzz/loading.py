"""The body of a process: loads the model in each folder that a line of standard input names, and says how it went."""

import sys
from pathlib import Path

import numpy as np

from monitor.config.detector import Backend, DetectorSettings
from monitor.detectors.opening import open_detector
from monitor.domain.errors import ModelError


def main() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    for line in sys.stdin:
        try:
            opened = open_detector(DetectorSettings(model=Path(line.strip()), backend=Backend.LITERT), threads=1)
            opened.detector.detect([image])
            answer = "works"
        except ModelError as error:
            answer = f"refused: {error}"
        except Exception as error:  # noqa: BLE001 - what the test is for
            answer = f"failed: {error!r}"
        print(" ".join(answer.split()), flush=True)


if __name__ == "__main__":
    main()

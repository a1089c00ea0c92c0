"""TFLite files, which a library in C++ loads: in a process of its own, which such a file may end."""

import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PROJECT
from tests.fuzz.mutations import mutated, rounds, seed
from tests.tflite import model_folder, telling

_MOST_MEMORY = 4 << 30
_VALUES = (0, 1, 127, 128, 255)


def changed(data: bytes, chance: random.Random) -> bytes:
    """Return the data with a few other bytes: a file whose parts have moved is refused before LiteRT sees it."""
    if chance.random() < 0.1:
        return mutated(data, chance)
    values = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        values[chance.randrange(len(values))] = chance.choice((*_VALUES, chance.randrange(256)))
    return bytes(values)


class Loader:
    """A process that loads one file after another."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.loading"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        resource.prlimit(self.process.pid, resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))

    def load(self, folder: Path) -> str:
        """Return what became of the folder's model, an empty text if it ended the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def loader() -> Iterator[Loader]:
    loader = Loader()
    yield loader
    loader.close()


def test_tflite_files(tmp_path: Path, loader: Loader) -> None:
    files = [
        telling(),
        telling(dtype=np.uint8, quantisation=(1 / 127.5, 127)),
        telling(post_processing=False),
        telling(any_size=True),
        telling(normalisation=((127.5,), (127.5,))),
    ]
    folder = model_folder(tmp_path / "model", files[0], manifest="preprocessing: minus_one_to_one\n")
    for number in range(rounds(800)):
        chance = random.Random(f"{seed()} {number}")
        data = changed(chance.choice(files), chance)
        (folder / "model.tflite").write_bytes(data)
        found = loader.load(folder)
        assert found.startswith(("works", "refused: ")), (
            f"{found or 'the process ended'} for the input {number} of seed {seed()}, kept as {folder}/model.tflite"
        )

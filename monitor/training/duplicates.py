"""Splits pictures so that near-duplicates are in the same split."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.training.dataset import Annotation
from monitor.training.pictures import read

#: Difference hashes of 256 bits this close are the same photograph, cropped, re-encoded or slightly moved.
SAME_WITHIN_BITS = 26


def difference_hash(annotation: Annotation) -> NDArray[np.bool_]:
    """Return (256,) signs of the horizontal brightness steps of the picture at 17 x 16."""
    image = cv2.cvtColor(read(annotation.image), cv2.COLOR_BGR2GRAY)
    small = cv2.resize(image, (17, 16), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray(small[:, 1:] > small[:, :-1]).reshape(-1)


def groups(hashes: Sequence[NDArray[np.bool_]]) -> list[list[int]]:
    """Return groups of indices of similar pictures, directly or through a third; each index is in one group."""
    table = np.stack(hashes).astype(np.int16) if hashes else np.zeros((0, 256), np.int16)
    leader = list(range(len(table)))

    def root(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for index, row in enumerate(table):
        apart = np.abs(table[:index] - row).sum(1)
        for other in np.flatnonzero(apart <= SAME_WITHIN_BITS):
            leader[root(index)] = root(int(other))
    together: dict[int, list[int]] = {}
    for index in range(len(table)):
        together.setdefault(root(index), []).append(index)
    return list(together.values())


def seeded_split(
    annotations: Sequence[Annotation], val_share: float, seed: int
) -> tuple[tuple[Annotation, ...], tuple[Annotation, ...]]:
    """Return train and val; whole groups are drawn at random until val has its share."""
    together = groups([difference_hash(one) for one in annotations])
    order = np.random.default_rng(seed).permutation(len(together))
    target = val_share * len(annotations)
    chosen: set[int] = set()
    for place in order[: len(together) - 1]:
        if len(chosen) >= target:
            break
        chosen.update(together[int(place)])
    train = tuple(one for index, one in enumerate(annotations) if index not in chosen)
    return train, tuple(annotations[index] for index in sorted(chosen))

"""The state of each label name of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.training.errors import TrainingError

#: The public data sets' own spelling, in the order of their class ids.
DEFAULT_STATES: Mapping[str, MaskState] = {
    "with_mask": MaskState.WITH_MASK,
    "without_mask": MaskState.WITHOUT_MASK,
    "mask_weared_incorrect": MaskState.INCORRECT,
}


def parse_labels(pairs: Sequence[str]) -> dict[str, MaskState]:
    """Return the states of `NAME=STATE` pairs in the order of their class ids, or the default if there are none.

    Raises:
        TrainingError: a pair is malformed, names an unknown state, or a name is repeated.
    """
    if not pairs:
        return dict(DEFAULT_STATES)
    states = {state.value: state for state in DECIDED_STATES}
    found: dict[str, MaskState] = {}
    for pair in pairs:
        name, _, state = pair.rpartition("=")
        if not name or state not in states:
            raise TrainingError(f"--label {pair!r}: expected NAME=STATE with one of the states {', '.join(states)}")
        if name in found:
            raise TrainingError(f"--label {pair!r}: {name} is given twice")
        found[name] = states[state]
    return found


def parse_size(text: str) -> tuple[int, int]:
    """Return `WIDTHxHEIGHT` in pixels as (height, width), both multiples of 32.

    Raises:
        TrainingError: the text is not of that form.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()) or int(width) % 32 or int(height) % 32 or not int(width):
        raise TrainingError(f"size {text!r}: expected WIDTHxHEIGHT, both multiples of 32, such as 512x352")
    return int(height), int(width)


def parse_source(text: str) -> tuple[Path, str | None]:
    """Return the folder and the split of `FOLDER` or `FOLDER:SPLIT`."""
    folder, colon, split = text.rpartition(":")
    if colon and folder and not Path(text).exists():
        return Path(folder), split
    return Path(text), None

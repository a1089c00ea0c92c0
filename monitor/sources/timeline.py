"""The times of a recording's frames, with those that cannot be true replaced (pure)."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: A step to the next frame of more than this many seconds, or back, is only believed if the frames after it confirm it.
_STEP_S = 10.0

#: The number of frames that are read ahead to confirm a step; each one is held in memory.
_AHEAD = 4

#: Two frames less than this many seconds apart have the same time.
_SAME_S = 1e-5

#: A longer pause than this is not a pause: the clock was set, or counts from another start.
_LONGEST_PAUSE_S = 12 * 3600.0


@dataclass(slots=True)
class Repairs:
    """How many times of frames were replaced.

    `missing`: frames without a time of their own; `restarts`: the clock started again; `impossible`: single frames far from, or
    before, their neighbours.
    """

    missing: int = 0
    restarts: int = 0
    impossible: int = 0

    def describe(self, fps: float) -> str | None:
        """Return what was replaced in words, None if nothing; `fps` is the rate that takes the place of times."""
        if not (self.missing or self.restarts or self.impossible):
            return None
        parts = []
        if self.missing:
            parts.append(f"{_frames(self.missing)} no time, so {fps:g} frames per second are assumed")
        if self.restarts:
            times = "once" if self.restarts == 1 else f"{self.restarts} times"
            parts.append(f"the clock starts again {times}, and what follows continues after the frame before")
        if self.impossible:
            parts.append(f"{_frames(self.impossible)} an impossible time, and is placed between its neighbours")
        return "; ".join(parts)


def _frames(count: int) -> str:
    return "1 frame has" if count == 1 else f"{count} frames have"


def repaired(frames: Iterable[tuple[T, float | None]], period_s: float, repairs: Repairs) -> Iterator[tuple[T, float]]:
    """Return the frames with times in seconds from the first one, which increase from frame to frame.

    `frames` come in the order in which they are shown, with their time by the recording's clock if they have one;
    `period_s` is the stated time between two frames. What is replaced is counted in `repairs`. True times, of any
    variable rate, are returned as they are. Up to `_AHEAD` frames are read ahead after a step that may not be true.
    """
    source = iter(frames)
    held: deque[tuple[T, float | None]] = deque()
    offset_s: float | None = None  # added to the recording's clock
    last_s = -period_s
    usual_s = 0.0
    while True:
        if not held:
            following = next(source, None)
            if following is None:
                return
            held.append(following)
        frame, stated_s = held[0]
        if stated_s is None:
            repairs.missing += 1
            time_s = last_s + period_s
        elif offset_s is None:
            time_s = last_s + period_s
            offset_s = time_s - stated_s
        else:
            time_s = stated_s + offset_s
            step_s = time_s - last_s
            if step_s < _SAME_S or step_s > max(_STEP_S, 2 * usual_s):
                _fill(held, source)
                back = _returns(held, offset_s, last_s)
                if back is not None:
                    number, returned_s = back
                    for index in range(number):
                        repairs.impossible += 1
                        yield held.popleft()[0], last_s + (returned_s - last_s) * (index + 1) / (number + 1)
                    frame, time_s = held[0][0], returned_s
                elif step_s < _SAME_S or step_s > _LONGEST_PAUSE_S:
                    if abs(step_s) < _SAME_S:
                        repairs.missing += 1
                    else:
                        repairs.restarts += 1
                    time_s = last_s + period_s
                    offset_s = time_s - stated_s
                else:
                    usual_s = step_s
            else:
                usual_s = step_s
        held.popleft()
        last_s = time_s
        yield frame, time_s


def _fill(held: deque[tuple[T, float | None]], source: Iterator[tuple[T, float | None]]) -> None:
    while len(held) <= _AHEAD:
        following = next(source, None)
        if following is None:
            return
        held.append(following)


def _returns(held: deque[tuple[T, float | None]], offset_s: float, last_s: float) -> tuple[int, float] | None:
    """Return the index and time of the first frame held that follows the last true one, None if none does."""
    for number, (_, stated_s) in enumerate(held):
        if number > 0 and stated_s is not None and _SAME_S <= stated_s + offset_s - last_s <= _STEP_S:
            return number, stated_s + offset_s
    return None

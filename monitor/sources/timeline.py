"""The times of a recording's frames, with those that cannot be true replaced (pure)."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
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

    `missing`: frames without a time of their own; `restarts`: the clock started again; `impossible`: single frames far
    from, or before, their neighbours.
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
    clock = _Clock(period_s, repairs)
    held = deque(islice(source, 1))
    while held:
        if clock.is_doubtful(held[0][1]):
            held.extend(islice(source, _AHEAD + 1 - len(held)))
        for time_s in clock.place([stated_s for _, stated_s in held]):
            yield held.popleft()[0], time_s
        if not held:
            held.extend(islice(source, 1))


class _Clock:
    """The times returned so far; `offset_s` is added to the recording's clock."""

    def __init__(self, period_s: float, repairs: Repairs) -> None:
        self._period_s = period_s
        self._repairs = repairs
        self._offset_s: float | None = None
        self._last_s = -period_s
        self._usual_s = 0.0

    def is_doubtful(self, stated_s: float | None) -> bool:
        """Return whether the step to this time is one back, or a long one, which the frames after it must confirm."""
        if stated_s is None or self._offset_s is None:
            return False
        step_s = stated_s + self._offset_s - self._last_s
        return step_s < _SAME_S or step_s > max(_STEP_S, 2 * self._usual_s)

    def place(self, stated: Sequence[float | None]) -> list[float]:
        """Return the times of the first of these frames, and of those after it that the same decision concerns."""
        stated_s = stated[0]
        if stated_s is None:
            self._repairs.missing += 1
            return [self._follow(None)]
        if self._offset_s is None:
            return [self._follow(stated_s)]
        time_s = stated_s + self._offset_s
        step_s = time_s - self._last_s
        if not self.is_doubtful(stated_s):
            self._usual_s = step_s
        elif (number := self._returns(stated)) is not None:
            self._repairs.impossible += number
            step_s = ((stated[number] or 0.0) + self._offset_s - self._last_s) / (number + 1)
            return [self._advance(self._last_s + step_s) for _ in range(number + 1)]
        elif step_s < _SAME_S or step_s > _LONGEST_PAUSE_S:
            if abs(step_s) < _SAME_S:
                self._repairs.missing += 1
            else:
                self._repairs.restarts += 1
            return [self._follow(stated_s)]
        else:
            self._usual_s = step_s
        return [self._advance(time_s)]

    def _returns(self, stated: Sequence[float | None]) -> int | None:
        """Return the index of the first frame that follows the last true one, None if none does."""
        for number, stated_s in enumerate(stated[1:], start=1):
            if stated_s is not None and self._offset_s is not None:
                step_s = stated_s + self._offset_s - self._last_s
                if _SAME_S <= step_s <= _STEP_S:
                    return number
        return None

    def _follow(self, stated_s: float | None) -> float:
        """Place a frame one period after the last one; the clock counts on from its time, if it has one."""
        time_s = self._last_s + self._period_s
        if stated_s is not None:
            self._offset_s = time_s - stated_s
        return self._advance(time_s)

    def _advance(self, time_s: float) -> float:
        self._last_s = time_s
        return time_s

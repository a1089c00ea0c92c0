"""Clips with truth by person: who is where in which frames, and how they wear a mask."""

import json
from bisect import bisect_right
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from monitor.config.words import in_words
from monitor.domain.errors import SourceError
from monitor.domain.geometry import Box

TRUTH = "truth.json"

#: Between two annotated boxes at most this many frames apart, a person moves steadily enough to interpolate.
_MOST_FRAMES_APART = 6

Pixel = Annotated[float, Field(ge=-1e5, le=1e5)]
FrameIndex = Annotated[int, Field(ge=0)]
Corners = tuple[Pixel, Pixel, Pixel, Pixel]


class TrueState(StrEnum):
    """What is true of a person; `NOBODY` is a thing that may be mistaken for a face."""

    WITH_MASK = "with_mask"
    WITHOUT_MASK = "without_mask"
    INCORRECT = "incorrect"
    NOBODY = "nobody"

    @property
    def violating(self) -> bool:
        """True if the mask is missing or worn incorrectly."""
        return self in (TrueState.WITHOUT_MASK, TrueState.INCORRECT)


class _Part(BaseModel):
    """A part of a truth file, which may hold further notes of its authors."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


def _in_order(spans: list[tuple[int, int, TrueState]]) -> list[tuple[int, int, TrueState]]:
    ends = [frame for first, last, _ in spans for frame in (first, last)]
    if any(first > last for first, last, _ in spans) or ends != sorted(ends):
        raise ValueError("spans have to follow each other, each as [first frame, last frame, state]")
    return spans


class ClipPerson(_Part):
    """One person: spans [first frame, last frame, state], and boxes [x1, y1, x2, y2] in px by frame."""

    name: str
    spans: Annotated[list[tuple[FrameIndex, FrameIndex, TrueState]], Field(min_length=1), AfterValidator(_in_order)]
    boxes: Annotated[dict[FrameIndex, Corners], Field(min_length=1)]

    @cached_property
    def _frames(self) -> list[int]:
        return sorted(self.boxes)

    def span_at(self, frame: int) -> int | None:
        """Return the number of the span that a frame belongs to, None between spans."""
        return next((at for at, (first, last, _) in enumerate(self.spans) if first <= frame <= last), None)

    def box_at(self, frame: int) -> Box | None:
        """Return the box in a frame, between two annotated frames interpolated; None where it is unknown."""
        if frame in self.boxes:
            return Box(*self.boxes[frame])
        after = bisect_right(self._frames, frame)
        if after in (0, len(self._frames)):
            return None
        first, last = self._frames[after - 1], self._frames[after]
        if last - first > _MOST_FRAMES_APART:
            return None
        part = (frame - first) / (last - first)
        ends = zip(self.boxes[first], self.boxes[last], strict=True)
        return Box(*(start + part * (end - start) for start, end in ends))


class ClipTruth(_Part):
    """The people of one clip."""

    fps: Annotated[float, Field(gt=0, le=1000)]
    people: Annotated[list[ClipPerson], Field(min_length=1)]

    @property
    def last_frame(self) -> int:
        """The last frame that is annotated."""
        return max(max(person.boxes) for person in self.people)


_CLIPS = TypeAdapter(Annotated[dict[str, ClipTruth], Field(min_length=1)])


def read_clip_truth(folder: Path) -> dict[str, ClipTruth]:
    """Return the truth of each clip of a folder, by file name in order; raises `SourceError`."""
    path = folder / TRUTH
    try:
        clips = _CLIPS.validate_python(json.loads(path.read_text("utf-8")))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {in_words(e)}" for e in error.errors()[:5])
        raise SourceError(f"{path}: not a truth of clips: {faults}") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{path}: cannot be read as the truth of clips: {reason}") from error
    for name in clips:
        if Path(name).name != name or not (folder / name).is_file():
            raise SourceError(f"{path}: names the clip {name!r}, which is not a file in {folder}")
    return dict(sorted(clips.items()))

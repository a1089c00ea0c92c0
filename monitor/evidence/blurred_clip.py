"""A copy of a clip in which everybody but one person is unrecognisable."""

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.domain.errors import OutputError
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.evidence.clip_file import encode_again
from monitor.evidence.snapshot import hide_all_but, hide_everything
from monitor.storage.clip_folder import ClipFolder, sync
from monitor.storage.files import partial, writing

#: A face is hidden where it is found within so many seconds before and after a picture: people move between two
#: analyses, and one analysis may miss somebody.
_HIDDEN_S = 0.5

#: The subject is shown where they are found within so many seconds; the rest of the time they are hidden like others.
_SHOWN_S = 0.35


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces in one analysed picture, at seconds from the beginning of the clip; boxes in pixels."""

    at_s: float
    subject: Box | None
    others: tuple[Box, ...]


def faces_of(notes: Mapping[str, Any], track_id: int) -> list[Faces]:
    """Return the faces that are noted beside a clip, one person being the subject."""
    found = []
    for frame in notes["frames"]:
        own = [Box(*person[3:7]) for person in frame["people"] if person[0] == track_id]
        others = [Box(*person[3:7]) for person in frame["people"] if person[0] != track_id]
        others += [Box(*corners) for corners in frame["others"]]
        found.append(Faces(frame["at"], own[0] if own else None, tuple(others)))
    return found


class Blur:
    """Hides the faces of a clip's pictures, which are passed in any order (pure).

    Where nothing is known of a moment, the whole picture is made unrecognisable.
    """

    def __init__(self, faces: Sequence[Faces]) -> None:
        self._faces = faces
        self._times_s = [each.at_s for each in faces]

    def __call__(self, image: Image, time_s: float) -> Image:
        """Return the picture (H x W x 3, uint8, BGR) at seconds from the beginning with all but the subject hidden."""
        near = self._within(time_s, _HIDDEN_S)
        if not near:
            return hide_everything(image)
        others = [box for each in near for box in each.others]
        subject = self._subject(time_s)
        if subject is None:
            others += [each.subject for each in near if each.subject is not None]
        return hide_all_but(image, subject, others)

    def _subject(self, time_s: float) -> Box | None:
        """Return where the subject is, between the two nearest places where they were found."""
        shown = [each for each in self._within(time_s, _SHOWN_S) if each.subject is not None]
        before = [each for each in shown if each.at_s <= time_s]
        after = [each for each in shown if each.at_s > time_s]
        if not before or not after:
            return (before[-1] if before else after[0]).subject if shown else None
        first, last = before[-1].subject, after[0].subject
        assert first is not None
        assert last is not None
        part = (time_s - before[-1].at_s) / (after[0].at_s - before[-1].at_s)
        return first.between(last, part)

    def _within(self, time_s: float, seconds: float) -> Sequence[Faces]:
        first = bisect.bisect_left(self._times_s, time_s - seconds)
        return self._faces[first : bisect.bisect_right(self._times_s, time_s + seconds)]


def make_blurred(folder: ClipFolder, name: str, track_id: int, go_on: Callable[[], None]) -> None:
    """Make the copy of a clip that hides all but one person, unless there is one; raises `OutputError`.

    `go_on` is called for every picture and may raise.
    """
    target = folder.blurred(name, track_id)
    if target.exists():
        return
    blur = Blur(faces_of(folder.read_boxes(name), track_id))

    def edit(image: Image, time_s: float) -> Image:
        go_on()
        return blur(image, time_s)

    ready = partial(target)
    folder.create(ready)
    try:
        if encode_again(folder.video(name), ready, edit) is None:
            raise OutputError(f"{folder.video(name)}: contains no picture")
        sync(ready)
        with writing(target):
            ready.replace(target)
            if not folder.video(name).exists():  # erased meanwhile
                target.unlink(missing_ok=True)
    finally:
        with writing(ready):
            ready.unlink(missing_ok=True)

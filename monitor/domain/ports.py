"""The sockets of the house: what a stage needs of its neighbours."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from monitor.domain.detection import Detection, Observation
from monitor.domain.event import EndReason, Event
from monitor.domain.frame import Frame, Image, SourceInfo


class Source(Protocol):
    """Frames of one camera, stream, video or set of images.

    Opened, read and closed on one thread. `grab` steps to the next frame without converting it, so that frames
    nobody will look at cost little; `retrieve` converts the frame last grabbed.
    """

    @property
    def source_id(self) -> str:
        """The camera's name."""

    def open(self) -> SourceInfo:
        """Open the source; raises `SourceError` with one line that says why it cannot."""

    def grab(self) -> float | None:
        """Step to the next frame and return its `time_s`, None at the end; raises `SourceError` on failure."""

    def retrieve(self) -> Frame:
        """Return the frame last grabbed; raises `SourceError` where it cannot be decoded."""

    @property
    def media_s(self) -> float | None:
        """The source's own clock at the frame last grabbed, None where it has none."""

    @property
    def end_reason(self) -> EndReason:
        """Why `grab` returned None."""

    @property
    def lost_frames(self) -> int:
        """How many frames could not be decoded and were passed over."""

    @property
    def late_frames(self) -> int:
        """How many frames were passed over undecoded, because they came faster than they were taken."""

    def close(self) -> None:
        """Release the device or file; harmless when repeated."""


class Detector(Protocol):
    """A face-mask detector, opened on the thread that calls it."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each BGR image, best score first; raises `ModelError` on failure."""

    def close(self) -> None:
        """Release the model."""


class Tracker(Protocol):
    """Tells which faces belong to the same person; one instance a camera, deterministic, no clock of its own."""

    def update(self, detections: Sequence[Detection], time_s: float, lost_after_s: float) -> list[Observation]:
        """Return the detections that belong to confirmed people, sorted by track number.

        A person unseen for longer than `lost_after_s` is not found again: who comes to that place is somebody else.
        """


class Sink(Protocol):
    """Somewhere that events go."""

    def put(self, event: Event) -> None:
        """Take one event; returns once it is safe, or raises `OutputError`."""

    def close(self) -> None:
        """Finish what was taken."""


@runtime_checkable
class Beating(Protocol):
    """A sink in which others see whether the program that writes it is alive."""

    def beat(self) -> None:
        """Note that the program is alive; raises `OutputError`."""

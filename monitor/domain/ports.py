"""Ports: the interfaces that the pipeline's stages need from each other."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from monitor.domain.detection import Detection, Observation
from monitor.domain.event import EndReason, Event
from monitor.domain.frame import Frame, Image, SourceInfo


class Source(Protocol):
    """Frames of one camera, stream, video or set of images.

    Opened, read and closed on one thread. `grab` steps to the next frame without converting it, so that frames that are
    not analysed cost little; `retrieve` converts the frame last grabbed.
    """

    @property
    def source_id(self) -> str:
        """The camera's name."""

    def open(self) -> SourceInfo:
        """Open the source; raises `SourceError` with a reason in one line."""

    def grab(self) -> float | None:
        """Step to the next frame and return its `time_s`, None at the end; raises `SourceError` on failure."""

    def retrieve(self) -> Frame:
        """Return the frame last grabbed; raises `SourceError` if it cannot be decoded."""

    @property
    def media_s(self) -> float | None:
        """The source's own clock in seconds at the frame last grabbed, None if it has none."""

    @property
    def end_reason(self) -> EndReason:
        """Why `grab` returned None."""

    @property
    def lost_frames(self) -> int:
        """How many frames were dropped because they could not be decoded."""

    @property
    def late_frames(self) -> int:
        """How many frames were dropped before decoding because they arrived faster than they were read."""

    def close(self) -> None:
        """Release the device or file; may be called more than once."""


class Recording(Source, Protocol):
    """A source that is read to its end."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What readers of the results should know of the recording, complete at its end."""


class Detector(Protocol):
    """A face-mask detector, opened on the thread that calls it."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each image (H x W x 3, uint8, BGR), best score first; raises `ModelError`."""

    def close(self) -> None:
        """Release the model."""


class Tracker(Protocol):
    """Assigns faces to people over time; one instance per camera, deterministic, without a clock."""

    def update(self, detections: Sequence[Detection], time_s: float, lost_after_s: float) -> list[Observation]:
        """Return the detections of one frame that belong to confirmed people, sorted by `track_id`.

        `time_s` is the frame's time in seconds. A person without a detection for longer than `lost_after_s` is gone: a
        face that appears in that place later gets a new `track_id`.
        """


class Sink(Protocol):
    """A destination of events."""

    def put(self, event: Event) -> None:
        """Write one event; returns once it is stored, or raises `OutputError`."""

    def close(self) -> None:
        """Finish writing and release the destination; raises `OutputError`."""


@runtime_checkable
class Beating(Protocol):
    """A sink that does something at regular intervals, also while there is nothing to write."""

    def beat(self) -> None:
        """Record a heartbeat, or check that what is written still gets to its place; raises `OutputError`."""

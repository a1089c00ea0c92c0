"""What a replay saw of faces, and why nobody got a verdict (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.domain.detection import Detection
from monitor.domain.frame import Image
from monitor.domain.picture import is_blank, sampled

#: With more seconds than this between two analyses, nobody who walks past is analysed twice (`docs/judging.md`).
_RARE_S = 2.0

#: A verdict takes about this many seconds of a clear face.
_SHORT_S = 1.0

BLANK = "every picture is of a single colour: nothing can be seen; check the recording in a player"


@dataclass(slots=True)
class FacesSeen:
    """Counts over the analysed frames: `frames`, `faces`, and the height of the tallest face in px."""

    frames: int = 0
    faces: int = 0
    tallest_px: float = 0.0
    blank: bool = True

    def add(self, image: Image, detections: Sequence[Detection]) -> None:
        """Add one analysed frame (H x W x 3, uint8, BGR) and its detections."""
        self.frames += 1
        self.faces += len(detections)
        self.tallest_px = max([self.tallest_px, *(detection.box.height_px for detection in detections)])
        self.blank = self.blank and is_blank(sampled(image))

    def why_no_verdict(self, media_s: float, min_face_px: float) -> str:
        """Return in words why nobody got a verdict in a recording of `media_s` seconds."""
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        interval_s = media_s / (self.frames - 1) if self.frames > 1 else 0.0
        if self.frames < 2:
            return f"only {frames} could be analysed; a verdict needs several"
        if interval_s > _RARE_S:
            return f"one picture every {interval_s:.0f} s is too few: a person needs several analyses to get a verdict"
        if not self.faces:
            return f"no face was found in {frames}"
        if self.tallest_px < min_face_px:
            return f"the largest face is {self.tallest_px:.0f} px high; under {min_face_px:g} px nobody gets a verdict"
        if media_s < _SHORT_S:
            return f"the recording lasts {media_s:.1f} s; a verdict takes about {_SHORT_S:g} s"
        return "faces were found, but none large, sharp and clear enough for long enough"

"""One person's visit, from the first observation to its outcome (pure)."""

import statistics
from dataclasses import dataclass, field
from itertools import groupby

from monitor.domain.detection import MaskState
from monitor.domain.visit import Outcome, Segment, Visit

#: The most face sizes kept per visit; longer visits are sampled, so that memory stays bounded.
_MAX_SIZES = 512


@dataclass(slots=True)
class VisitRecord:
    """The states of one person over time."""

    source_id: str
    track_id: int
    first_seen_s: float
    last_seen_s: float
    hits: int = 0
    _segments: list[Segment] = field(default_factory=list)
    _sizes_px: list[float] = field(default_factory=list)
    _stride: int = 1

    def add(self, state: MaskState, face_px: float, time_s: float) -> None:
        """Add one observation: the decided state, the height of the face in pixels, and the time in seconds."""
        if self._segments and self._segments[-1].state is state:
            self._segments[-1] = Segment(state, self._segments[-1].start_s, time_s)
        else:
            if self._segments:
                last = self._segments[-1]
                self._segments[-1] = Segment(last.state, last.start_s, time_s)
            self._segments.append(Segment(state, time_s, time_s))
        if self.hits % self._stride == 0:
            self._sizes_px.append(face_px)
            if len(self._sizes_px) >= _MAX_SIZES:
                self._sizes_px = self._sizes_px[::2]
                self._stride *= 2
        self.hits += 1
        self.last_seen_s = time_s

    def finish(self, settled_s: float) -> Visit:
        """Return the visit; a state shorter than `settled_s` does not decide the outcome if there is a longer one."""
        segments = tuple(self._segments)
        outcome, time_to_comply_s = judge_visit(segments, settled_s)
        return Visit(
            source_id=self.source_id,
            track_id=self.track_id,
            first_seen_s=self.first_seen_s,
            last_seen_s=self.last_seen_s,
            segments=segments,
            outcome=outcome,
            time_to_comply_s=time_to_comply_s,
            hits=self.hits,
            median_face_px=statistics.median(self._sizes_px),
        )


def judge_visit(segments: tuple[Segment, ...], settled_s: float) -> tuple[Outcome, float | None]:
    """Return the outcome of a visit and, if it was corrected, the seconds until then.

    Consecutive compliant segments, and consecutive violating ones, form one stretch. The last stretch of at least
    `settled_s` decides, or the longest if there is none. Within a violating stretch, the last segment of at least
    `settled_s` decides, or the longest.
    """
    runs = groupby(segments, key=lambda segment: (segment.state.decided, segment.state.violating))
    stretches = [list(run) for (decided, _), run in runs if decided]
    if not stretches:
        return Outcome.UNKNOWN, None
    settled = [stretch for stretch in stretches if _length_s(stretch) >= settled_s] or [max(stretches, key=_length_s)]
    if settled[-1][0].state.violating:
        held = [segment for segment in settled[-1] if segment.duration_s >= settled_s]
        ruling = held[-1] if held else max(settled[-1], key=lambda segment: segment.duration_s)
        return Outcome.VIOLATION if ruling.state is MaskState.WITHOUT_MASK else Outcome.INCORRECT, None
    violating = [number for number, stretch in enumerate(settled) if stretch[0].state.violating]
    if not violating:
        return Outcome.COMPLIANT, None
    complied = settled[violating[-1] + 1]
    return Outcome.CORRECTED, complied[0].start_s - settled[violating[0]][0].start_s


def _length_s(stretch: list[Segment]) -> float:
    return stretch[-1].end_s - stretch[0].start_s

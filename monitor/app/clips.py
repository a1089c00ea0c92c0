"""Runs the analysis over clips with truth, with one or more settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.app.analysis import make_analyzer
from monitor.app.replaying import camera_for
from monitor.config.settings import Settings
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.pipeline.analyzer import Analyzer
from monitor.pipeline.pace import Pace
from monitor.replay.clip_score import Case, ClipScorer, figures
from monitor.replay.clip_truth import TRUTH, ClipTruth, read_clip_truth
from monitor.sources.opening import make_recording


@dataclass(slots=True)
class _Choice:
    """Settings, the detector they ask for, and what they gave so far."""

    settings: Settings
    detector: OpenedDetector
    cases: list[Case] = field(default_factory=list)
    unmatched: int = 0

    def start(self, clip: Path) -> Analyzer:
        """Return a new analyzer for a clip."""
        return make_analyzer(clip.stem, camera_for(self.settings, SourceAddress(str(clip))))


def evaluate_clips(
    folder: Path,
    choices: Sequence[Settings],
    detect_fps: float | None,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Return the figures of each of the settings on the clips of a folder; raises `SourceError`, `ModelError`.

    Every clip is analysed without loss at `detect_fps` (None: every frame), as in a replay. Settings with the same
    detector share its inferences. `on_clip` is called with the number of clips that are done, and of all.
    """
    clips = read_clip_truth(folder)
    opened: dict[str, OpenedDetector] = {}
    try:
        chosen = [_Choice(settings, _opened(settings, opened)) for settings in choices]
        for done, (name, truth) in enumerate(clips.items()):
            on_clip(done, len(clips))
            _run(folder / name, truth, chosen, detect_fps)
        return [{"model": one.detector.folder.name, **figures(one.cases, one.unmatched)} for one in chosen]
    finally:
        for detector in opened.values():
            detector.detector.close()


def _opened(settings: Settings, opened: dict[str, OpenedDetector]) -> OpenedDetector:
    key = settings.detector.model_dump_json()
    if key not in opened:
        opened[key] = open_detector(settings.detector)
    return opened[key]


def _run(clip: Path, truth: ClipTruth, choices: Sequence[_Choice], detect_fps: float | None) -> None:
    runs = [(choice, choice.start(clip), ClipScorer(truth)) for choice in choices]
    detectors: Mapping[int, OpenedDetector] = {id(choice.detector): choice.detector for choice in choices}
    source, pace, frames = make_recording(clip.stem, SourceAddress(str(clip))), Pace(detect_fps), 0
    try:
        source.open()
        while (time_s := source.grab()) is not None:
            if pace.due(time_s):
                frame = source.retrieve()
                found = {key: one.detector.detect([frame.image])[0] for key, one in detectors.items()}
                for choice, analyzer, scorer in runs:
                    tracks, _ = analyzer.update(frame, found[id(choice.detector)], choice.detector.provenance())
                    scorer.add(frames, time_s, tracks)
            frames += 1
    finally:
        source.close()
    if source.lost_frames or frames <= truth.last_frame:
        raise SourceError(
            f"{clip}: has {frames} readable frames, but {TRUTH} describes frame {truth.last_frame}: it is of another "
            "clip, or frames are missing"
        )
    for choice, _, scorer in runs:
        choice.cases += scorer.cases(clip.name)
        choice.unmatched += scorer.unmatched

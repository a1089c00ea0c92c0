"""`monitor score`."""

import tempfile
from pathlib import Path

from rich.table import Table

from monitor.app.replaying import ReplayRequest, camera_for, default_recording, open_replay_detectors, run_replay
from monitor.commands.show import out, print_json, progress
from monitor.config.settings import Settings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.replay.score import Scorer, read_truth
from monitor.sources.files import check_file


def score(
    settings: Settings, video: Path | None, truth_path: Path | None, detect_fps: float | None, *, as_json: bool
) -> None:
    """Replay a video without keeping results, and print how they agree with the ground truth.

    Raises `SourceError` if the video is damaged, or the ground truth is not of this video.
    """
    video = video or default_recording(settings)
    check_file(video)
    truth = read_truth(truth_path or video.with_suffix(".json"))
    scorer = Scorer(truth)
    detectors = open_replay_detectors(settings)
    with tempfile.TemporaryDirectory() as folder, progress(video.name) as report:
        request = ReplayRequest(
            name=video.stem,
            camera=camera_for(settings, SourceAddress(str(video))),
            folder=Path(folder),
            video=False,
            detect_fps=detect_fps,
            on_frame=lambda done: report(done, truth.frames),
            on_analysis=scorer.add,
        )
        result = run_replay(request, detectors)
    if result.summary.end_reason is EndReason.INTERRUPTED:
        raise KeyboardInterrupt
    if result.summary.error is not None:
        raise SourceError(result.summary.error)
    if result.summary.frames != truth.frames:
        raise SourceError(
            f"{video}: has {result.summary.frames} frames, but the ground truth describes {truth.frames}: it is of "
            "another recording, or frames are missing"
        )
    values = scorer.score(result.history.visits, min(detect_fps or truth.fps, truth.fps))
    values["incidents"] = len(result.history.incidents)
    values["model"] = detectors[0].folder.name
    if as_json:
        print_json(values)
        return
    table = Table("person", "truth", "outcome", "visible s", "seen", "tracks", box=None, padding=(0, 2, 0, 0))
    for person in values["detail"]:
        seen = "" if person["seen_share"] is None else f"{person['seen_share']:.0%}"
        tracks = " ".join(map(str, person["tracks"]))
        row = (person["id"], person["state"], person["outcome"] or "-", f"{person['visible_s']:.1f}", seen, tracks)
        table.add_row(*row)
    out.print(table)
    share = "" if values["right_share"] is None else f" ({values['right_share']:.0%})"
    out.print(
        f"found {values['found']} of {values['owed_a_verdict']} people visible for 2 s or longer at 30 px or more"
    )
    out.print(
        f"correct verdicts in {values['right_visits']} of {values['decided_visits']} visits with a verdict{share}"
    )
    for words in values["wrong_visits"]:
        out.print(f"  wrong: {words}")
    out.print(f"{values['identity_swaps']} identity swaps, {values['id_switches']} track changes")

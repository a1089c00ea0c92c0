"""`report.html`: one file that loads nothing from elsewhere."""

import base64
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from monitor.domain.detection import MaskState
from monitor.domain.event import EndReason
from monitor.domain.visit import Outcome, Visit
from monitor.outputs.style import STYLES, css
from monitor.replay.results import History, ReplayedIncident, Summary, people_by_minute
from monitor.rules.statistics import compliance
from monitor.storage.files import finish, partial, writing
from monitor.storage.lines import clock

OUTCOME_WORDS = {
    Outcome.COMPLIANT: "compliant",
    Outcome.CORRECTED: "corrected",
    Outcome.VIOLATION: "no mask",
    Outcome.INCORRECT: "worn incorrectly",
    Outcome.UNKNOWN: "undetermined",
}
#: An outcome has the colour of its state; "corrected" has one of its own.
_OUTCOME_COLOURS = {
    Outcome.COMPLIANT: MaskState.WITH_MASK.value,
    Outcome.CORRECTED: "corrected",
    Outcome.VIOLATION: MaskState.WITHOUT_MASK.value,
    Outcome.INCORRECT: MaskState.INCORRECT.value,
    Outcome.UNKNOWN: MaskState.UNKNOWN.value,
}
_END_WORDS = {
    EndReason.FINISHED: "",
    EndReason.DAMAGED: "Parts of the recording cannot be decoded. The report covers the rest.",
    EndReason.TRUNCATED: "The recording is shorter than its header states: the end is missing.",
    EndReason.INTERRUPTED: "Stopped before the end. The report covers the part up to that point.",
    EndReason.FAILED: "Reading failed before the end. The report covers the part up to that point.",
}

#: More cards than this would make the page too large to open; the rest is in events.jsonl.
_MAX_CARDS = 200


@dataclass(frozen=True, slots=True)
class Provenance:
    """The source, model and settings behind the verdicts, for the report's last section."""

    source: str
    source_sha256: str | None
    model: str
    model_file: str
    model_sha256: str
    backend: str
    settings_yaml: str
    settings_sha256: str
    version: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One coloured bar of the timeline; positions in percent of the recording."""

    left: float
    width: float
    state: MaskState
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the timeline: visits that do not overlap share it."""

    bars: list[Bar]
    names: list[tuple[float, str]]


def write_report(path: Path, history: History, summary: Summary, provenance: Provenance) -> None:
    """Write the report; raises `OutputError`, and keeps an older report in that case."""
    environment = Environment(loader=PackageLoader("monitor.replay"), autoescape=True, undefined=StrictUndefined)
    html = environment.get_template("report.html.jinja").render(_values(history, summary, provenance))
    with writing(path):
        partial(path).write_text(html, "utf-8")
    finish(path)


def _values(history: History, summary: Summary, provenance: Provenance) -> dict[str, Any]:
    figures = compliance(history.visits)
    comply = [visit.time_to_comply_s for visit in history.visits if visit.time_to_comply_s is not None]
    minutes = people_by_minute(history.visits, summary.media_s)
    incidents = list(history.incidents.values())
    return {
        "summary": summary,
        "figures": figures,
        "outcomes": [
            (OUTCOME_WORDS[outcome], _OUTCOME_COLOURS[outcome], count) for outcome, count in figures.outcomes.items()
        ],
        "notes": [
            _sentence(note) for note in (summary.error or _END_WORDS[summary.end_reason], *summary.notes) if note
        ],
        "comply_s": median(comply) if comply else None,
        "lanes": timeline(history.visits, summary.media_s),
        "ticks": _ticks(summary.media_s),
        "minutes": minutes,
        "busiest": max((sum(counts.values()) for counts in minutes), default=0),
        "cards": [_card(incident) for incident in incidents[:_MAX_CARDS]],
        "incident_count": len(incidents),
        "visits": sorted(history.visits, key=lambda visit: visit.track_id),
        "outcome_words": OUTCOME_WORDS,
        "outcome_colours": _OUTCOME_COLOURS,
        "states": [(state.value, style.words, css(style.colour), css(style.ink)) for state, style in STYLES.items()],
        "words": {state: style.words for state, style in STYLES.items()},
        "provenance": provenance,
        "clock": clock,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def timeline(visits: list[Visit], media_s: float) -> list[Lane]:
    """Return the visits in as few rows as their overlaps allow, in the order of their start."""
    length_s = max(media_s, 1e-3)
    lanes: list[Lane] = []
    ends_s: list[float] = []
    for visit in sorted(visits, key=lambda visit: (visit.first_seen_s, visit.track_id)):
        row = next((i for i, end_s in enumerate(ends_s) if end_s + 0.02 * length_s < visit.first_seen_s), len(lanes))
        if row == len(lanes):
            lanes.append(Lane([], []))
            ends_s.append(0.0)
        ends_s[row] = visit.last_seen_s
        lanes[row].names.append((100 * visit.first_seen_s / length_s, str(visit.track_id)))
        for segment in visit.segments:
            words = (
                f"Person {visit.track_id}: {STYLES[segment.state].words}, "
                f"{clock(segment.start_s)} to {clock(segment.end_s)}"
            )
            left, width = 100 * segment.start_s / length_s, 100 * segment.duration_s / length_s
            lanes[row].bars.append(Bar(left, width, segment.state, words))
    return lanes


def _ticks(media_s: float) -> list[tuple[float, str]]:
    """Return about eight round times: (percent, label)."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    step = next((step for step in steps if media_s / step <= 9), steps[-1])
    count = int(media_s // step) if media_s > 0 else 0
    return [(100 * tick * step / media_s, clock(tick * step)[:-2]) for tick in range(count + 1)] if media_s else []


def _card(incident: ReplayedIncident) -> dict[str, Any]:
    opened, closed = incident.opened, incident.closed
    ends = {
        "corrected": "corrected",
        "gone": "left the picture",
        "source_lost": "camera lost",
        "source_ended": "recording ended",
    }
    return {
        "id": opened.incident_id,
        "state": opened.state.value,
        "words": STYLES[opened.state].words,
        "person": opened.track_id,
        "at": clock(opened.time_s),
        "confidence": opened.confidence,
        "how": _ending(ends[closed.reason.value], closed.duration_s) if closed else "still open",
        "picture": base64.b64encode(incident.jpeg).decode() if incident.jpeg else None,
    }


def _ending(how: str, after_s: float) -> str:
    return f"{how} immediately" if after_s < 0.05 else f"{how} after {after_s:.1f} s"

"""`MODEL_CARD.md`: a model's data, recipe, figures, known failures and limits of use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.domain.detection import DECIDED_STATES
from monitor.training.evaluate import FACE_HEIGHTS_PX, Evaluation


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The facts of a model card besides the figures."""

    name: str
    input_size: tuple[int, int]
    training_data: str
    licence: str
    recipe: str
    cpu_default: str


_USE = """## How it should not be used

- Not to identify people: it distinguishes mask states, not persons.
- Not as the only reason to deny anyone entry, service or work; a person must be able to overrule it at once.
- Not for masks as medical protection: it sees that nose and mouth are covered, not what kind of mask it is or \
how it fits.
- Not without informing the people who are watched, wherever law or courtesy requires it.
"""

_FAILURES = """## Known failures

- Faces under 16 px high in the picture are missed often; see the table by size.
- Hands, scarves and cups in front of the mouth can pass for masks, and beards or shadows for masks worn incorrectly.
- `{rare}` had only {rare_count} faces in these pictures; its interval is wide, and it is the least certain state.
- The photographs are news and stock pictures, mostly of adults in daylight; children, darkness, strong backlight,
  fish-eye lenses and thermal or infrared cameras were not measured.
"""


def model_card(facts: CardFacts, files: Mapping[str, Evaluation], lost: Mapping[str, float]) -> str:
    """Return the card's text. `files` has the figures of each exported file on val, `lost` the mAP50 lost in export."""
    shipped = files[facts.cpu_default]
    rare = min(shipped.faces, key=lambda name: shipped.faces[name])
    height, width = facts.input_size
    parts = [
        f"# {facts.name}\n\nAn SSD detector (TFOD2) of faces that wear a mask (`with_mask`), wear none "
        f"(`without_mask`) or wear it incorrectly (`incorrect`).\n"
        f"Input {width} x {height} pixels, RGB; pictures are stretched to that size.\n",
        f"## Data and licence\n\n{facts.training_data}\n\n{facts.licence}\n",
        f"## Recipe\n\n{facts.recipe}\n",
        f"## Figures\n\nOn val ({shipped.pictures} pictures), `{facts.cpu_default}`. Brackets: the middle 95 % when "
        "the pictures are drawn again with\nreplacement. Thresholds were chosen on the same pictures, so precision and "
        "recall are slightly optimistic.\n\n"
        + _state_table(shipped)
        + "\n"
        + _size_table(shipped)
        + "\n"
        + _confusion(shipped),
        "## Files\n\n| file | mAP50 | lost against the checkpoint |\n|---|---|---|\n"
        + "".join(f"| `{name}` | {one.map50:.3f} | {lost[name]:+.3f} |\n" for name, one in files.items()),
        _FAILURES.format(rare=rare, rare_count=shipped.faces[rare]),
        _USE,
    ]
    return "\n".join(parts)


def _state_table(one: Evaluation) -> str:
    rows = ["| state | faces | AP50 | threshold | precision | recall |", "|---|---|---|---|---|---|"]
    for state in DECIDED_STATES:
        name = state.value
        low, high = one.interval50[name]
        rows.append(
            f"| {name} | {one.faces[name]} | {one.ap50[name]:.3f} [{low:.3f}, {high:.3f}] | {one.thresholds[name]:.3f} "
            f"| {one.precision[name]:.3f} | {one.recall[name]:.3f} |"
        )
    low, high = one.map50_interval
    rows.append(f"| mean | {sum(one.faces.values())} | {one.map50:.3f} [{low:.3f}, {high:.3f}] | | | |")
    rows.append(f"\nmAP at IoU 0.5 to 0.95: {one.map:.3f}. Faces of any state: AP50 {one.ap50_any_state:.3f}.")
    rows.append(f"Expected calibration error: {one.calibration_error:.3f}.\n")
    return "\n".join(rows)


def _size_table(one: Evaluation) -> str:
    rows = ["| face height in the picture | AP50, any state |", "|---|---|"]
    for name, (low, high) in FACE_HEIGHTS_PX.items():
        span = f"{low:.0f} px and more" if high == float("inf") else f"{low:.0f} to {high:.0f} px"
        rows.append(f"| {name}, {span} | {one.ap50_by_height[name]:.3f} |")
    return "\n".join(rows) + "\n"


def _confusion(one: Evaluation) -> str:
    names = [state.value for state in DECIDED_STATES]
    rows = [f"| actual \\ detected | {' | '.join(names)} | missed |", "|---|" + "---|" * (len(names) + 1)]
    for name, counts in zip([*names, "nobody"], one.confusion, strict=True):
        rows.append(f"| {name} | {' | '.join(str(count) for count in counts)} |")
    return "\n".join(rows) + "\n"

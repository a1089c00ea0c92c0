"""One camera's people over time: verdicts live as long as evidence carries them, whatever the rate."""

from collections.abc import Sequence

import numpy as np
import pytest

from monitor.app.analysis import make_analyzer
from monitor.config.camera import CameraSettings
from monitor.domain.detection import Detection, MaskState
from monitor.domain.event import CloseReason, EventRecord, IncidentOpened, VisitEnded
from monitor.domain.frame import Frame, Image
from monitor.domain.geometry import Box
from monitor.domain.health import CameraStatus, Condition, Health
from monitor.domain.track import Analysis, Track
from monitor.domain.visit import Outcome
from monitor.rules.evidence import HOLD_S
from monitor.rules.kiosk import Verdict, rule
from tests.fakes import UNKNOWN, WITH, WITHOUT, noise

SETTINGS = CameraSettings.model_validate({"source": "door.mp4"})
FACE = Box(120, 60, 190, 150)
#: The same place, half out of the picture at the lower edge.
CUT_OFF = Box(105, 110, 200, 240)


def textured(box: Box, seed: int, level: int) -> Image:
    """A sharp face with a pattern and a brightness of its own on a textured ground."""
    image = (noise(240, 320, 7) // 4 + 60).astype(np.uint8)
    x1, y1, x2, y2 = box.as_ints()
    face = noise(240, 320, seed)[max(0, y1 - 25) : y2, x1:x2] // 3 + level
    image[max(0, y1 - 25) : y2, x1:x2] = face.astype(np.uint8)
    return image


class Door:
    """An analyzer with the real tracker, fed at a rate."""

    def __init__(self, per_s: float = 10.0, **settings: object) -> None:
        chosen = CameraSettings.model_validate({"source": "door.mp4"} | settings)
        self.analyzer = make_analyzer("door", chosen)
        self.now_s = 0.0
        self.tracks: tuple[Track, ...] = ()
        self.records: list[EventRecord] = []
        self._per_s = per_s
        self._index = 0

    def show(self, image: Image, detections: Sequence[Detection], seconds: float) -> list[MaskState]:
        """Show the same picture for so long; return the state of the first person after each frame."""
        states = []
        for _ in range(round(seconds * self._per_s)):
            self.now_s += 1 / self._per_s
            self._index += 1
            frame = Frame(image, "door", self._index, self.now_s, None)
            self.tracks, records = self.analyzer.update(frame, detections, {"model": "fake"})
            self.records += records
            states.append(self.tracks[0].state if self.tracks else UNKNOWN)
        return states

    def verdict(self) -> Verdict:
        """Return what a kiosk would say now."""
        frame = Frame(textured(FACE, 1, 20), "door", self._index, self.now_s, None)
        analysis = Analysis(frame, self.tracks, 0.01, 0.0)
        return rule(CameraStatus("door", Health(Condition.LIVE, 0.0), analysis), self.now_s).verdict

    def visits(self) -> list[Outcome]:
        self.records += self.analyzer.reset(self.now_s, CloseReason.SOURCE_ENDED)
        return [record.event.visit.outcome for record in self.records if isinstance(record.event, VisitEnded)]


@pytest.mark.parametrize("per_s", [5, 10, 25])
def test_a_bare_face_that_takes_a_masked_one_s_place_is_never_green(per_s: float) -> None:
    """Masked people, then a bearded man cut off by the lower edge in the same place, whom no single frame can judge."""
    door = Door(per_s)
    masked = door.show(textured(FACE, 1, 150), [Detection(FACE, WITH, 0.9)], 3)
    assert masked[-1] is WITH
    assert door.verdict() is Verdict.GO
    states = door.show(textured(CUT_OFF, 2, 10), [Detection(CUT_OFF, WITHOUT, 0.45)], 15)
    green_s = sum(state is WITH for state in states) / per_s
    assert green_s <= 0.6, f"shown as masked for {green_s} s"
    assert door.verdict() is Verdict.STEP_BACK
    assert sorted(door.visits()) == [Outcome.COMPLIANT, Outcome.UNKNOWN], "and he is counted as a visit of his own"


@pytest.mark.parametrize("per_s", [5, 10, 25])
def test_a_verdict_that_nothing_supports_is_unknown_within_a_second(per_s: float) -> None:
    door = Door(per_s)
    assert door.show(textured(FACE, 1, 150), [Detection(FACE, WITH, 0.9)], 3)[-1] is WITH
    at_the_edge = Box(120, 150, 190, 240)
    states: list[MaskState] = []
    for step in range(1, 10):  # sinks until the lower edge cuts the face off, and stays there
        box = FACE.moved(0, 9 * step)
        states += door.show(textured(box, 1, 150), [Detection(box, WITH, 0.9)], 1 / per_s)
    states = door.show(textured(at_the_edge, 1, 150), [Detection(at_the_edge, WITH, 0.9)], 4)
    held_s = sum(state is WITH for state in states) / per_s
    assert held_s <= HOLD_S + 2 / per_s
    assert states[-1] is UNKNOWN
    assert door.verdict() is Verdict.STEP_BACK


@pytest.mark.parametrize("detect_fps", [0.1, 0.5, 0.9])
def test_a_camera_that_is_analysed_rarely_sees_people_all_the_same(detect_fps: float) -> None:
    """With an analysis every ten seconds and a limit of one, everybody would be let go between two of them."""
    door = Door(detect_fps, tracking={"lost_after_s": 1.0})
    door.show(textured(FACE, 1, 150), [Detection(FACE, WITHOUT, 0.9)], 8 / detect_fps)
    opened = [record for record in door.records if isinstance(record.event, IncidentOpened)]
    assert len(opened) == 1
    assert opened[0].picture is not None
    assert door.visits() == [Outcome.VIOLATION]


def test_an_incident_says_which_detector_and_settings_decided_it() -> None:
    door = Door()
    door.show(textured(FACE, 1, 150), [Detection(FACE, WITHOUT, 0.9)], 4)
    (opened,) = [record.event for record in door.records if isinstance(record.event, IncidentOpened)]
    assert opened.settings["detector"] == {"model": "fake"}
    assert opened.settings["rules"] == SETTINGS.provenance()["rules"]


@pytest.mark.parametrize("per_s", [5, 10, 25])
def test_people_who_cross_keep_their_own_verdicts(per_s: float) -> None:
    """A masked person and a bare one walk through each other's place; the one behind is not seen for a moment."""
    door = Door(per_s)
    wrong = []
    for number in range(round(6 * per_s)):
        at_s = number / per_s
        masked, bare = Box(30, 70, 90, 150).moved(40 * at_s, 0), Box(230, 72, 290, 152).moved(-34 * at_s, 0)
        image = textured(bare, 2, 10)
        x1, y1, x2, y2 = masked.as_ints()
        image[y1 - 25 : y2, x1:x2] = (noise(240, 320, 1)[y1 - 25 : y2, x1:x2] // 3 + 150).astype(np.uint8)
        hidden = masked.iou(bare) > 0.3
        found = [Detection(masked, WITH, 0.9), *([] if hidden else [Detection(bare, WITHOUT, 0.9)])]
        door.show(image, found, 1 / per_s)
        for track in door.tracks:
            truth = WITH if track.box == masked else WITHOUT
            if track.state not in (UNKNOWN, truth):
                wrong.append((round(at_s, 2), track.track_id, track.state.value))
    assert len(wrong) / per_s <= 0.4, wrong
    assert set(door.visits()) <= {Outcome.COMPLIANT, Outcome.VIOLATION, Outcome.UNKNOWN}

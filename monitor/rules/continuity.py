"""Checks whether a track is still the same person (pure): a tracker joins boxes that overlap, also those of two people.

A person moves and grows steadily, and forehead and hair stay the same with any mask. If position, size or appearance
change abruptly, the track is in doubt: for a moment it adds no evidence, and then it is either the same person (a hand
in front of the face, a mask put on) or another one, who gets a new number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.domain.detection import Observation
from monitor.domain.frame import Image
from monitor.domain.geometry import Box

#: The part of a face box above a mask, with the hair above it, in fractions of the box's height.
_TOP, _BOTTOM = -0.25, 0.45

#: The number of cells per side in which colours are compared: coarse enough for a turn of the head, fine enough for
#: hair.
_CELLS = 6

#: Mean distance of the cells' colours (CIELAB, of 100) before and after. In five recordings and the sample, at 10
#: analyses per second, the same person stays below 0.13 in 99.7 % of all cases and reaches 0.20 while changing a mask;
#: of two people in one recording half are above 0.24; the others usually differ in position or size.
_STRANGER = 0.24

#: Limits of an abrupt step: the distance in appearance; the displacement from the expected position, in face heights;
#: and the factor by which the face grew or shrank.
_STEP, _JUMP, _GROWTH = 0.13, 0.35, 1.35

#: A displacement, and a growth, that alone mean another person.
_FAR, _OTHER_SIZE = 0.8, 1.9

#: The duration of a doubt in seconds, and in observations: long enough for a hand to leave the face if only the
#: appearance has changed, shorter if the face has moved or grown too.
_DOUBT_S, _MOVED_DOUBT_S, _DOUBT_OBSERVATIONS = 0.6, 0.3, 3

#: Up to this gap in seconds a step can be distinguished from ordinary movement.
_LONGEST_GAP_S = 0.6

#: The weight of a new observation in the stored appearance.
_FOLLOW = 0.25

Appearance = NDArray[np.float32]


def appearance(image: Image, box: Box) -> Appearance:
    """Return the colours of forehead and hair of the face in `box`: 6 x 6 x 3, CIELAB, float32, of a BGR picture."""
    height_px, width_px = image.shape[:2]
    part = Box(box.x1_px, box.y1_px + _TOP * box.height_px, box.x2_px, box.y1_px + _BOTTOM * box.height_px).clipped(
        width_px, height_px
    )
    x1, y1, x2, y2 = part.as_ints()
    pixels = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    if pixels.size == 0:
        return np.zeros((_CELLS, _CELLS, 3), np.float32)
    small = cv2.resize(pixels, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)


def difference(one: Appearance, other: Appearance) -> float:
    """Return the mean distance of the colours of two appearances, in hundredths of CIELAB's lightness."""
    return float(np.sqrt(((one - other) ** 2).sum(axis=-1)).mean()) / 100


@dataclass(slots=True)
class _Doubt:
    """A change that may mean another person: its start, its extent, and the appearances since."""

    since_s: float
    movement: float
    seen: list[Appearance] = field(default_factory=list)


@dataclass(slots=True)
class _Link:
    """The person of a track: number, last box, appearance and speed in pixels per second."""

    person: int
    box: Box
    time_s: float
    known: Appearance
    speed: tuple[float, float] = (0.0, 0.0)
    doubt: _Doubt | None = None


class Continuity:
    """Numbers the people of a tracker's tracks, from 1 in the order of their first observation."""

    def __init__(self) -> None:
        self._links: dict[int, _Link] = {}
        self._people = 0

    def update(
        self, image: Image, observations: Sequence[Observation], time_s: float, lost_after_s: float
    ) -> list[Observation]:
        """Return the observations, sorted, with people's numbers as `track_id`; those in doubt are not `certain`.

        `image` is the whole frame (H x W x 3, uint8, BGR), `time_s` its time. A track without an observation for longer
        than `lost_after_s` is removed.
        """
        for track_id in [key for key, link in self._links.items() if time_s - link.time_s > lost_after_s]:
            del self._links[track_id]
        found = [self._follow(image, observation, time_s) for observation in observations]
        return sorted(found, key=lambda observation: observation.track_id)

    def _follow(self, image: Image, observation: Observation, time_s: float) -> Observation:
        box = observation.detection.box
        now = appearance(image, box)
        link = self._links.get(observation.track_id)
        if link is None:
            link = self._links[observation.track_id] = _Link(self._new(), box, time_s, now)
            return replace(observation, track_id=link.person)
        movement = _movement(link, box, time_s)
        change = difference(link.known, now)
        if link.doubt is None and (movement > 0 or change > _STEP) and time_s - link.time_s <= _LONGEST_GAP_S:
            link.doubt = _Doubt(time_s, movement)
        elif link.doubt is not None:
            link.doubt.movement = max(link.doubt.movement, movement)
        if link.doubt is not None:
            self._resolve(link, link.doubt, now, time_s)
        else:
            link.known += _FOLLOW * (now - link.known)
        _move(link, box, time_s)
        return replace(observation, track_id=link.person, certain=link.doubt is None)

    def _resolve(self, link: _Link, doubt: _Doubt, now: Appearance, time_s: float) -> None:
        """Add an appearance to a doubt, and end the doubt once there are enough."""
        doubt.seen.append(now)
        needed_s = _MOVED_DOUBT_S if doubt.movement > 0 else _DOUBT_S
        lasted = time_s - doubt.since_s >= needed_s - 1e-6 and len(doubt.seen) >= _DOUBT_OBSERVATIONS
        if doubt.movement < 1 and not lasted:
            return
        settled = np.asarray(np.mean(doubt.seen[-_DOUBT_OBSERVATIONS:], axis=0), np.float32)
        if doubt.movement + difference(link.known, settled) / _STRANGER >= 1:
            link.person, link.speed = self._new(), (0.0, 0.0)
        link.known, link.doubt = settled, None

    def _new(self) -> int:
        self._people += 1
        return self._people


def _movement(link: _Link, box: Box, time_s: float) -> float:
    """Return how far a step is from steady movement: 0 for an ordinary one, 1 for an impossible one."""
    elapsed_s = max(time_s - link.time_s, 1e-3)
    size_px = max(link.box.height_px, box.height_px, 1.0)
    x, y = _centre(box)
    was_x, was_y = _centre(link.box)
    speed_x, speed_y = link.speed
    away = np.hypot(x - was_x - speed_x * elapsed_s, y - was_y - speed_y * elapsed_s) / size_px
    heights = sorted((max(link.box.height_px, 1.0), max(box.height_px, 1.0)))
    growth = heights[1] / heights[0]
    jump = (float(away) - _JUMP) / (_FAR - _JUMP)
    scaling = (growth - _GROWTH) / (_OTHER_SIZE - _GROWTH)
    return max(0.0, jump) + max(0.0, scaling)


def _move(link: _Link, box: Box, time_s: float) -> None:
    elapsed_s = max(time_s - link.time_s, 1e-3)
    x, y = _centre(box)
    was_x, was_y = _centre(link.box)
    link.speed = ((x - was_x) / elapsed_s, (y - was_y) / elapsed_s)
    link.box, link.time_s = box, time_s


def _centre(box: Box) -> tuple[float, float]:
    return (box.x1_px + box.x2_px) / 2, (box.y1_px + box.y2_px) / 2

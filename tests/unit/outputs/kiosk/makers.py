"""Statuses of a camera at the moment `NOW_S`."""

from monitor.domain.geometry import Box
from monitor.domain.health import CameraStatus, Condition, Health
from tests.fakes import analysis, noise

NOW_S = 100.0

IMAGE = noise(90, 160)


def status(*tracks, condition=Condition.LIVE, age_s=0.1, image=IMAGE, now_s=NOW_S):
    judged = analysis(image, *tracks, time_s=now_s - age_s)
    return CameraStatus("Entrance", Health(condition, since_s=0.0), judged)


def face(height_px, left_px=10.0):
    return Box(left_px, 5.0, left_px + 30.0, 5.0 + height_px)

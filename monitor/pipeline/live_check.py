"""Refuses streams that are no live camera: floods, and recordings sent faster than they play."""

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.sources.lag import Lead

#: A rate of twice the stated one, within these limits, is a flood: cameras send at most 60 frames a second, rarely 120,
#: and some state a wrong rate. Over this many frames a flood differs from a short burst after a delay.
_FLOOD_OVER, _FLOOD_FPS, _FLOOD_FRAMES = 2.0, (75.0, 150.0), 200

#: A source whose clock gains so many seconds sends a recording. What cameras and recorders send at once after
#: connecting goes back to the last keyframe, up to about 12 s.
_LEAD_S = 15.0


class LiveCheck:
    """Checks the arrivals of one connection to a stream.

    Frames are counted against both clocks, so that a burst of frames that waited somewhere is no flood.
    """

    def __init__(self, address: SourceAddress, stated_fps: float | None) -> None:
        self.most_fps = min(max(_FLOOD_OVER * (stated_fps or 0.0), _FLOOD_FPS[0]), _FLOOD_FPS[1])
        self._address = address
        self._count = 0
        self._since_s = self._media_since_s = 0.0
        self._lead = Lead()

    def update(self, time_s: float, media_s: float | None) -> None:
        """Add a frame that arrived at `time_s`, with its time by the source's clock.

        Raises `SourceError` with the cause FLOODING: decoding all of these frames would starve the other cameras.
        """
        if (fps := self._flood_fps(time_s, time_s if media_s is None else media_s)) is not None:
            raise SourceError(
                f"{self._address}: sends at least {fps:.0f} frames per second; more than {self.most_fps:.0f} would "
                "slow down the other cameras: lower its frame rate",
                Cause.FLOODING,
            )
        if (lead_s := self._lead.update(time_s, media_s)) > _LEAD_S:
            raise SourceError(
                f"{self._address}: is not live: its pictures cover {lead_s:.0f} s more than has passed; use the "
                "camera's live stream, or a recording's path as the source",
                Cause.FLOODING,
            )

    def _flood_fps(self, time_s: float, media_s: float) -> float | None:
        if self._count == 0:
            self._since_s, self._media_since_s = time_s, media_s
        self._count += 1
        if self._count <= _FLOOD_FRAMES:
            return None
        self._count, passed_s = 0, max(time_s - self._since_s, media_s - self._media_since_s)
        return _FLOOD_FRAMES / max(passed_s, 1e-3) if passed_s * self.most_fps < _FLOOD_FRAMES else None

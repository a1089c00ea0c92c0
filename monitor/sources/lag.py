"""How late a live picture is, and whether a source is live at all (pure)."""


class Lag:
    """How late frames arrive compared with the camera's own clock, in seconds.

    The two clocks have different starts; their smallest difference so far counts as no delay, as in NTP with the
    shortest round trip (RFC 5905, 10). It may rise by 1 % of the elapsed time, since cheap cameras' clocks are that
    inaccurate. If the camera's clock jumps back it has been set, as by RTCP soon after the start, and the difference is
    adjusted.
    """

    _DRIFT = 0.01

    def __init__(self) -> None:
        self._least: float | None = None
        self._last_s = self._media_s = 0.0

    def update(self, time_s: float, media_s: float | None) -> float:
        """Add one arrival; return the lag in seconds, 0 if the source has no clock of its own."""
        if media_s is None:
            return 0.0
        distance = time_s - media_s
        if self._least is None or distance < self._least:
            self._least = distance
        else:
            self._least += self._DRIFT * (time_s - self._last_s)
            if media_s < self._media_s:
                self._least += distance - (self._last_s - self._media_s)
            self._least = min(distance, self._least)
        self._last_s, self._media_s = time_s, media_s
        return distance - self._least


class Lead:
    """How much more time has passed by a source's own clock than by the real one, in seconds.

    Steps of the source's clock of more than a second are not counted: it has been set.
    """

    _STEP_S = 1.0

    def __init__(self) -> None:
        self._started_s: float | None = None
        self._media_s = self._passed_s = 0.0

    def update(self, time_s: float, media_s: float | None) -> float:
        """Add one arrival; return the lead in seconds, 0 if the source has no clock of its own."""
        if media_s is None:
            return 0.0
        if self._started_s is None:
            self._started_s = time_s
        elif 0 < (step_s := media_s - self._media_s) <= self._STEP_S:
            self._passed_s += step_s
        self._media_s = media_s
        return max(0.0, self._passed_s - (time_s - self._started_s))

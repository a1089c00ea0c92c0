"""How late a live picture is (pure)."""


class Lag:
    """How far arrival has fallen behind the camera's own clock, in seconds.

    The two clocks count from different starts; their least distance so far is taken for "no delay", as NTP does with
    its least round trip (RFC 5905, 10). It may rise by 1 % of the time passed, since cheap cameras' clocks are that
    wrong. A camera's clock that runs backwards has been set, as RTCP does soon after the start: the distance with it.
    """

    _DRIFT = 0.01

    def __init__(self) -> None:
        self._least: float | None = None
        self._last_s = self._media_s = 0.0

    def update(self, time_s: float, media_s: float | None) -> float:
        """Take one arrival; return the lag, 0 where the source has no clock of its own."""
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

"""When to decode only keyframes of a stream that is late (pure)."""

#: Frames that are late by more than the first, in seconds, are to be caught up with, until one is late by less than the
#: second.
_LATE_S, _IN_TIME_S = 0.5, 0.25

#: Every so many seconds the lag must have shrunk by that share of the time, if decoding every frame is to help.
_CHECK_S, _SHRINK = 1.0, 0.25


class CatchingUp:
    """Decides whether only keyframes are decoded.

    After a short stall of the network, frames that waited arrive at once, and decoding them takes a fraction of the
    stall; without them nothing could be decoded before the next keyframe, many seconds later for some cameras. Only
    keyframes are decoded if the lag does not shrink that way, so that delays do not add up.
    """

    def __init__(self) -> None:
        self.keyframes_only = False
        self._checked_s: float | None = None
        self._lag_s = 0.0

    def update(self, now_s: float, lag_s: float, *, keyframe: bool) -> bool:
        """Add a packet that is `lag_s` late; return whether only keyframes are decoded from it on."""
        if self.keyframes_only:
            if lag_s < _IN_TIME_S and keyframe:
                self.keyframes_only, self._checked_s = False, None
        elif lag_s <= _LATE_S:
            self._checked_s = None
        elif self._checked_s is None:
            self._checked_s, self._lag_s = now_s, lag_s
        elif now_s - self._checked_s >= _CHECK_S:
            self.keyframes_only = self._lag_s - lag_s < _SHRINK * (now_s - self._checked_s)
            self._checked_s, self._lag_s = now_s, lag_s
        return self.keyframes_only

"""Causes of faults of a camera or of the program itself."""

from enum import StrEnum


class Cause(StrEnum):
    """The cause of a fault; each has its own remedy."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    WRONG_PASSWORD = "wrong_password"
    NOT_FOUND = "not_found"
    TIMED_OUT = "timed_out"
    UNDECODABLE = "undecodable"
    UNPLUGGED = "unplugged"
    ENDED = "ended"
    FROZEN = "frozen"
    BLACK = "black"
    SIZE_CHANGED = "size_changed"
    LAGGING = "lagging"
    FLOODING = "flooding"
    OVERLOAD = "overload"
    DETECTOR = "detector"
    JOURNAL = "journal"
    UNEXPECTED = "unexpected"

"""Why a camera, or the program itself, is not well."""

from enum import StrEnum


class Cause(StrEnum):
    """What is wrong, told apart because each has a remedy of its own."""

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

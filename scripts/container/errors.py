"""What is told in one line."""


class CheckError(Exception):
    """The check cannot go on, or has failed."""

"""CSV without cells that spreadsheets would run as formulas."""

import csv
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

#: Characters that start a formula in spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class GuardedCsv:
    """A header and rows by RFC 4180; text that would be a formula gets an apostrophe, numbers do not."""

    def __init__(self, file: TextIO, header: Sequence[str], lineterminator: str = "\r\n") -> None:
        self._writer = csv.DictWriter(file, header, lineterminator=lineterminator)
        self._writer.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        """Write the values of one row by the names of the header; None is an empty cell."""
        self._writer.writerow({key: _cell(value) for key, value in row.items()})


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

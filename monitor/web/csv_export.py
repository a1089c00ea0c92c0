"""Rows as CSV for spreadsheets."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitor.storage.guarded_csv import GuardedCsv


def as_csv(header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV by RFC 4180, in which no text is a formula, whatever a camera's name."""
    text = io.StringIO()
    table = GuardedCsv(text, header)
    for row in rows:
        table.write(row)
    return text.getvalue()

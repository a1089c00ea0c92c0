"""What a journal lacks, by its own numbers and by the log beside it."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: Returns the rows of a query on a journal.
Ask = Callable[[str], Sequence[tuple[Any, ...]]]

_LOGGED = re.compile(r"  (\S+)-(\d{6,})  (OPENED|CLOSED)  ")

_WITHOUT_VISIT = """
SELECT incident_id FROM incidents i WHERE NOT EXISTS (
    SELECT 1 FROM visits v WHERE v.source_id = i.source_id AND v.track_id = i.track_id
    AND v.first_seen_s <= i.opened_s AND v.last_seen_s >= i.since_s)
"""
_UNBALANCED = """
SELECT source_id FROM source_events WHERE kind IN ('opened', 'ended')
GROUP BY source_id HAVING sum(CASE kind WHEN 'opened' THEN 1 ELSE -1 END) <> 0
"""


def logs_beside(journal: Path) -> str:
    """Return the lines of `violations.log` beside a journal, those of rotated files too."""
    return "".join(path.read_text("utf-8") for path in sorted(journal.parent.glob("violations.log*")))


def lost_rows(ask: Ask, log: str, *, deleted: bool = False, killed: bool = False) -> list[str]:
    """Return what is lost after a stop, one line for each row; nothing if the journal is whole.

    Each camera's incidents are numbered from 1, so a gap is a lost row, as is an incident of the log that is not
    stored. With `deleted`, what came before the first incident stored is not counted: it went with its file. With
    `killed`, cameras need no end, and incidents one only if the log has it.
    """
    stored: defaultdict[str, list[int]] = defaultdict(list)
    for (name,) in ask("SELECT incident_id FROM incidents"):
        series, _, number = name.rpartition("-")
        stored[series].append(int(number))
    known = {series: set(numbers) for series, numbers in stored.items()}
    wanted = {
        series: set(range(min(numbers) if deleted else 1, max(numbers) + 1)) for series, numbers in stored.items()
    }
    closed_in_log: set[str] = set()
    for series, number, what in _LOGGED.findall(log):
        if deleted and int(number) < min(stored.get(series, [0])):
            continue
        wanted.setdefault(series, set()).add(int(number))
        if what == "CLOSED":
            closed_in_log.add(f"{series}-{number}")
    lost = [
        f"{series}-{number:06d}: no incident"
        for series, numbers in sorted(wanted.items())
        for number in sorted(numbers - known.get(series, set()))
    ]
    lost += [
        f"{series}-{number:06d}: {numbers.count(number)} incidents"
        for series, numbers in sorted(stored.items())
        for number in sorted(set(numbers))
        if numbers.count(number) > 1
    ]
    endless = [name for (name,) in ask("SELECT incident_id FROM incidents WHERE closed_s IS NULL")]
    lost += [f"{name}: no end" for name in endless if not killed or name in closed_in_log]
    lost += [f"{name}: no visit" for (name,) in ask(_WITHOUT_VISIT)]
    if not (deleted or killed):
        lost += [f"{camera}: its openings are not as many as its ends" for (camera,) in ask(_UNBALANCED)]
    return lost

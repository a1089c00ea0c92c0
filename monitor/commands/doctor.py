"""`monitor doctor`."""

from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from monitor.app.doctor import examine_installation, exit_code_of
from monitor.app.findings import Finding, State
from monitor.commands.show import WIDTH, notes, out, print_json
from monitor.config.loading import config_path
from monitor.domain.clock import SystemClock

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red bold"}


def doctor(config: Path | None, *, as_json: bool) -> int:
    """Check the installation, print what was found and what to do about it, and return the exit code."""
    path = config_path(config)
    if notes.is_terminal:
        with notes.status("") as status:
            findings = examine_installation(path, SystemClock(), lambda group: status.update(f"checking: {group}"))
    else:
        findings = examine_installation(path, SystemClock(), lambda _: None)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    return exit_code_of(findings)


def _print(findings: list[Finding]) -> None:
    table = Table("check", "state", "detail", "remedy", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[2:]:
        column.overflow = "fold"
    for finding in findings:
        state = Text(finding.state.value, style=_STYLES[finding.state])
        table.add_row(Text(finding.check), state, Text(finding.detail), Text(finding.remedy))
    out.print(table, width=min(WIDTH, out.width), soft_wrap=False)
    counts = {state: sum(finding.state is state for finding in findings) for state in State}
    out.print(f"{counts[State.OK]} ok, {counts[State.WARNING]} warnings, {counts[State.FAILED]} failed")

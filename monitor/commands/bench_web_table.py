"""What `monitor bench web` measured, as a table."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from monitor.commands.show import out


def show(values: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    looks, tiles, ages = values["analyses_per_s"], values["pictures_per_s_per_tile"], values["picture_age_ms"]
    cores, costs, memory = values["cpu_cores"], values["cpu_ms_per_picture"], values["memory_mb"]
    table.add_row("analyses per second, nobody watching", f"{looks['without']:.1f}")
    table.add_row(f"analyses per second, {values['viewers']} viewer(s)", f"{looks['with']:.1f}")
    table.add_row("with / without", f"{looks['ratio']:.3f}")
    table.add_row("pictures a second a tile", f"{tiles['median']:.1f} ({tiles['least']:.1f} to {tiles['most']:.1f})")
    if ages["p50"] is not None:
        table.add_row("age on arrival, p50 / p95", f"{ages['p50']:.0f} / {ages['p95']:.0f} ms")
    if (incidents := values["incident_age_ms"])["incidents"]:
        table.add_row("incidents: age on arrival, p50 / most", f"{incidents['p50']:.0f} / {incidents['most']:.0f} ms")
    table.add_row("CPU a picture: drawing and encoding", f"{costs['pictures']:.2f} ms")
    table.add_row("CPU a picture and viewer: sending", f"{costs['web']:.2f} ms")
    table.add_row("cores used, nobody watching / watched", f"{cores['without']:.2f} / {cores['with']:.2f}")
    table.add_row("cores that the viewers themselves use", f"{cores['viewers']:.2f}")
    table.add_row("memory, nobody watching / watched", f"{memory['without']:.0f} / {memory['with']:.0f} MB")
    if (seen := values.get("browser")) is not None:
        table.add_row(
            "age in the browser, p50 / p95 / worst second",
            f"{seen['p50_ms']:.0f} / {seen['p95_ms']:.0f} / {seen['worst_second_p95_ms']:.0f} ms",
        )
        table.add_row("  pictures a second", f"{seen['pictures_per_s']:.0f}")
        table.add_row("  looks meanwhile", f"{seen['analyses_ratio']:.3f}")
    if (slow := values.get("slow_viewers")) is not None:
        table.add_row(f"looks beside {slow['viewers']} who never read", f"{slow['analyses_ratio']:.3f}")
        after = ", ".join(f"{growth:+.1f}" for growth in slow["memory_growth_after_mb"])
        table.add_row("  memory", f"{slow['memory_growth_mb']:+.1f} MB; after each round {after}")
        table.add_row("  let go within", f"{slow['let_go_within_s']:.0f} s; {slow['still_connected']} were not")
    if (logins := values.get("logins")) is not None:
        table.add_row(
            "tries to log in answered a second", f"{logins['answered_per_s']:.0f} ({_codes(logins['codes'])})"
        )
        _add_meanwhile(table, logins)
    if (requests := values.get("requests")) is not None:
        made, uploads = requests["random"], requests["uploads"]
        table.add_row(f"random requests, {requests['each']} to each of {made['addresses']}", _codes(made["codes"]))
        table.add_row("  failed", ", ".join(f"{count} x {what}" for what, count in made["failed"].items()) or "none")
        table.add_row("  slowest answer", f"{made['slowest_ms']} ms")
        table.add_row("pictures that unfold to gigabytes", _codes(requests["bombs"]))
        for upload in uploads:
            told = f"{upload['code'] or 'cut off'} after {upload['taken_mb']} MB"
            table.add_row(f"200 MB to {upload['path']}, length {upload['length']}", told)
        _add_meanwhile(table, requests)
    for path, page in values["pages"].items():
        table.add_row(
            f"{path} ({page['code']})",
            f"{page['first_byte_ms']:.0f} ms to the first byte, {page['whole_ms']:.0f} ms to the last; "
            f"{page['weight_bytes'] / 1000:.0f} kB with all it loads",
        )
    out.print(table)


def _codes(codes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {code}" for code, count in sorted(codes.items()))


def _add_meanwhile(table: Table, values: Mapping[str, Any]) -> None:
    table.add_row("  looks meanwhile", f"{values['analyses_ratio']:.3f}")
    table.add_row("  memory", f"{values['memory_growth_mb']:+.1f} MB, {values['memory_growth_after_mb']:+.1f} after")

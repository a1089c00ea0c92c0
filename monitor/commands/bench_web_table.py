"""What `monitor bench web` measured, as a table."""

from typing import Any

from rich.table import Table

from monitor.commands.show import out


def show(values: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    analyses, tiles, ages = values["analyses_per_s"], values["pictures_per_s_per_tile"], values["picture_age_ms"]
    cores, costs, memory = values["cpu_cores"], values["cpu_ms_per_picture"], values["memory_mb"]
    table.add_row("analyses per second, no viewer", f"{analyses['without']:.1f}")
    table.add_row(f"analyses per second, {values['viewers']} viewer(s)", f"{analyses['with']:.1f}")
    table.add_row("with / without", f"{analyses['ratio']:.3f}")
    table.add_row(
        "pictures per second and tile", f"{tiles['median']:.1f} ({tiles['least']:.1f} to {tiles['most']:.1f})"
    )
    if ages["p50"] is not None:
        table.add_row("age on arrival, p50 / p95", f"{ages['p50']:.0f} / {ages['p95']:.0f} ms")
    if (incidents := values["incident_age_ms"])["incidents"]:
        table.add_row(
            "incidents: age on arrival, p50 / maximum", f"{incidents['p50']:.0f} / {incidents['most']:.0f} ms"
        )
    table.add_row("CPU per picture: drawing and encoding", f"{costs['pictures']:.2f} ms")
    table.add_row("CPU per picture and viewer: sending", f"{costs['web']:.2f} ms")
    table.add_row("cores used, without / with viewers", f"{cores['without']:.2f} / {cores['with']:.2f}")
    table.add_row("cores used by the viewers", f"{cores['viewers']:.2f}")
    table.add_row("memory, without / with viewers", f"{memory['without']:.0f} / {memory['with']:.0f} MB")
    for path, page in values["pages"].items():
        table.add_row(
            f"{path} ({page['code']})",
            f"first byte {page['first_byte_ms']:.0f} ms, last {page['whole_ms']:.0f} ms; "
            f"{page['weight_bytes'] / 1000:.0f} kB with all it loads",
        )
    out.print(table)

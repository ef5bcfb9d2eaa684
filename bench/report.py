"""What was measured, as tables for people and as a file for programs."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# What issues 2 and 3 ask for: figure → (bound, whether more is better).
TARGETS: dict[str, tuple[float, bool]] = {
    "get-ticket: HTTP / pgbench": (0.30, True),
    "list-tickets: HTTP / pgbench": (0.55, True),
    "create-ticket: HTTP / pgbench": (0.30, True),
    "get-ticket: CPU of server / database": (1.5, False),
    "mails journalled per second": (50, True),
    "mails processed per second": (20, True),
    "MiB of a server process": (150, False),
    "MiB of everything": (400, False),
    "tickets that a job changes per second": (2000, True),
    "ms that a change waits for a job, at most": (50, False),
}
GET, LIST = 0.30, 0.50  # least ratio of reading one thing, and a page of them
GROWTH = 1.3  # most that a request may cost more in the largest installation than in the smallest


def show(found: dict[str, Any]) -> None:
    """All tables."""
    console = Console(width=110)
    console.print(f"\n[bold]Polus bench[/bold]  {found['date']}  {found['machine']}  {found['commit']}")
    for size in found["sizes"]:
        console.print(_operations(f"{size['tickets']:,} tickets", size["operations"], size["mails"]))
        console.print(_operations("Reading", size["reading"] + size["deep"], []))
        console.print(_jobs(size["job"]))
        console.print(_pages(size))
    console.print(_verdicts(found))


def save(found: dict[str, Any], file: Path) -> None:
    """The file for programs."""
    file.write_text(json.dumps(found, indent=1) + "\n")


def _operations(title: str, rows: list[dict[str, Any]], mails: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    columns = (
        "",
        "conns",
        "HTTP /s",
        "ms median",
        "ms 95 %",
        "pgbench /s",
        "ratio",
        "server ms",
        "worker ms",
        "db ms",
    )
    for column in columns:
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        bench, ratio = row.get("pgbench"), row.get("ratio")
        table.add_row(
            row["name"],
            str(row["connections"]),
            f"{row['rate']:.0f}",
            f"{row['median']:.2f}",
            f"{row['slow']:.2f}",
            "" if bench is None else f"{bench:.0f}",
            "" if ratio is None else f"{ratio:.2f}",
            *(f"{row['cpu'][kind]:.3f}" for kind in ("server", "worker", "database")),
        )
    for row in mails:
        table.add_row("mails journalled", str(row["connections"]), f"{row['journalled']:.0f}")
        table.add_row("mails processed", str(row["connections"]), f"{row['processed']:.0f}")
    return table


def _jobs(job: dict[str, Any]) -> Table:
    title = f"A job: {job['rate']:.0f} tickets a second, {job['events']} events each; meanwhile"
    table = Table(title=title, title_justify="left")
    for column in ("", "ms median", "ms 99 %", "ms most"):
        table.add_column(column, justify="left" if not column else "right")
    for name, row in (("one change", job["change"]), ("a page of tickets", job["list"])):
        table.add_row(name, *(f"{row[share]:.1f}" for share in ("median", "p99", "most")))
    return table


def _pages(size: dict[str, Any]) -> Table:
    table = Table(title="Workspace, one at a time", title_justify="left")
    for column in ("", "ms median", "ms 95 %", "kB"):
        table.add_column(column, justify="left" if not column else "right")
    for row in size["pages"]:
        table.add_row(row["name"], f"{row['median']:.1f}", f"{row['slow']:.1f}", f"{row['kilobytes']:.0f}")
    return table


def verdicts(found: dict[str, Any]) -> dict[str, tuple[float, float, bool]]:
    """Each target: figure, bound, whether it holds. At eight connections, in the largest installation."""
    last = found["sizes"][-1]
    rows = {row["name"]: row for row in last["operations"] if row["connections"] == 8}
    figures = {f"{name}: HTTP / pgbench": row["ratio"] for name, row in rows.items() if row.get("ratio")}
    cpu = rows["get-ticket"]["cpu"]
    figures["get-ticket: CPU of server / database"] = cpu["server"] / cpu["database"]
    figures["mails journalled per second"] = max(row["journalled"] for row in last["mails"])
    figures["mails processed per second"] = max(row["processed"] for row in last["mails"])
    figures["MiB of a server process"] = last["memory"]["server"]
    figures["MiB of everything"] = last["idle"]["whole"]
    figures["tickets that a job changes per second"] = last["job"]["rate"]
    figures["ms that a change waits for a job, at most"] = last["job"]["change"]["most"]
    told = _reading(last)
    for name, (bound, more) in TARGETS.items():
        told[name] = (figures[name], bound, figures[name] >= bound if more else figures[name] <= bound)
    if len(found["sizes"]) > 1:
        first = {row["name"]: row for row in found["sizes"][0]["operations"] if row["connections"] == 8}
        for name in ("get-ticket", "list-tickets", "create-ticket"):
            growth = _cost(rows[name]) / _cost(first[name])
            told[f"{name}: cost, largest / smallest"] = (growth, GROWTH, growth <= GROWTH)
    return told


def _reading(size: dict[str, Any]) -> dict[str, tuple[float, float, bool]]:
    told = {}
    for row in size["reading"]:
        bound = GET if row["name"].startswith("get-") else LIST
        told[f"{row['name']}: HTTP / pgbench"] = (row["ratio"], bound, row["ratio"] >= bound)
    for first, last in zip(size["deep"][::2], size["deep"][1::2], strict=True):
        growth = _cost(last) / _cost(first)
        told[f"{last['name']}: cost / page 1"] = (growth, GROWTH, growth <= GROWTH)
    return told


def _cost(row: dict[str, Any]) -> float:
    return float(row["cpu"]["server"] + row["cpu"]["database"])


def _verdicts(found: dict[str, Any]) -> Table:
    table = Table(title="Targets", title_justify="left")
    for column in ("", "measured", "bound", ""):
        table.add_column(column, justify="right" if column else "left")
    for name, (figure, bound, holds) in verdicts(found).items():
        shown = f"{figure:.2f}" if figure < 20 else f"{figure:.0f}"
        table.add_row(name, shown, f"{bound:g}", "[green]holds[/green]" if holds else "[red]missed[/red]")
    return table

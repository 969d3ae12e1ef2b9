"""Draws the tables of the demo, which fit 80 columns and need no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from mastra_convex.cli.terminal import safe, table_of

_LONGEST: Final = 200
_BAR: Final = 20
_ROLE_STYLES: Final = {"user": "cyan", "assistant": "green", "system": "yellow", "signal": "magenta"}


@dataclass(frozen=True)
class MessageView:
    """A message as a table row; `marked` is the one that was asked for."""

    time: datetime
    role: str
    text: str
    marked: bool = False


@dataclass(frozen=True)
class ScoreView:
    """A score from 0 to 1 as a bar of the chart."""

    time: datetime
    score: float
    text: str


@dataclass(frozen=True)
class ThreadView:
    """A thread as a table row."""

    title: str
    messages: int
    first: datetime
    last: datetime


def progress_bar(console: Console) -> Progress:
    """One line; without a terminal it is printed once, when done."""
    return Progress(
        TextColumn("Importing", style="bold"), BarColumn(bar_width=40), MofNCompleteColumn(), TextColumn("messages"),
        console=console,
    )  # fmt: skip


def heading(console: Console, number: int, title: str, call: str) -> None:
    """A section: what is shown, and the call that gives it."""
    console.print()
    console.rule(Text(f"{number}. {safe(title)}", style="bold"), align="left", style="dim")
    console.print(Text(f"   {safe(call)}", style="dim"))


def line(console: Console, text: str) -> None:
    """A line of plain text; one that is too long is left to the terminal to wrap, so that it can be copied."""
    console.print(Text(safe(text)), soft_wrap=True)


def threads_table(rows: Sequence[ThreadView], total: int) -> Table:
    """Threads, and how many there are."""
    table = table_of(f"{len(rows)} of {total} threads")
    table.add_column("Thread", ratio=1, overflow="fold")
    table.add_column("Messages", justify="right", no_wrap=True)
    table.add_column("First (UTC)", no_wrap=True)
    table.add_column("Last (UTC)", no_wrap=True)
    for row in rows:
        table.add_row(Text(shortened(row.title), style="bold"), str(row.messages), _time(row.first), _time(row.last))
    return table


def messages_table(rows: Sequence[MessageView], caption: str) -> Table:
    """Messages in order, the marked one standing out."""
    table = table_of(caption)
    marks = any(row.marked for row in rows)
    if marks:
        table.add_column("", width=1, no_wrap=True)
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("Role", no_wrap=True)
    table.add_column("Text", ratio=1, overflow="fold")
    for row in rows:
        text = Text(shortened(row.text), style="bold" if row.marked else "")
        role = Text(safe(row.role), style=_ROLE_STYLES.get(row.role, ""))
        mark = [">" if row.marked else ""] if marks else []
        table.add_row(*mark, _time(row.time), role, text)
    return table


def scores_table(rows: Sequence[ScoreView], caption: str, *, encoding: str) -> Table:
    """A bar for each score."""
    block = "\N{FULL BLOCK}" if encoding.startswith("utf") else "#"
    table = table_of(caption)
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("Score", width=_BAR + 5, no_wrap=True)
    table.add_column("Text", ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows:
        bar = Text(block * round(row.score * _BAR), style="green") + Text(f" {row.score:.2f}")
        table.add_row(_time(row.time), bar, Text(" ".join(safe(row.text).split())))
    return table


def pairs_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], caption: str = "") -> Table:
    """Labels and their values side by side."""
    table = table_of(caption)
    for n, column in enumerate(columns):
        narrow = n == 0 or all(len(row[n]) <= len(column) for row in rows)
        table.add_column(
            column, ratio=None if narrow else 1, no_wrap=narrow, overflow="fold", style="" if n else "bold"
        )
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row))
    return table


def shortened(text: str) -> str:
    """At most some lines of a text."""
    clean = safe(text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 3].rstrip()}..."


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")

"""Draws the tables of the demo, which fit 80 columns and need no terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

_LONGEST: Final = 200
_BAR: Final = 20
_ROLE_STYLES: Final = {"user": "cyan", "assistant": "green", "system": "yellow", "signal": "magenta"}
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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


def new_console() -> Console:
    """Writes to stdout; colours and width are those of the terminal, 80 columns without one."""
    return Console(highlight=False)


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
    table = _table(f"{len(rows)} of {total} threads")
    table.add_column("Thread", ratio=1, overflow="fold")
    table.add_column("Messages", justify="right", no_wrap=True)
    table.add_column("First (UTC)", no_wrap=True)
    table.add_column("Last (UTC)", no_wrap=True)
    for row in rows:
        table.add_row(Text(shortened(row.title), style="bold"), str(row.messages), _time(row.first), _time(row.last))
    return table


def messages_table(rows: Sequence[MessageView], caption: str) -> Table:
    """Messages in order, the marked one standing out."""
    table = _table(caption)
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
    table = _table(caption)
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("Score", width=_BAR + 5, no_wrap=True)
    table.add_column("Text", ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows:
        bar = Text(block * round(row.score * _BAR), style="green") + Text(f" {row.score:.2f}")
        table.add_row(_time(row.time), bar, Text(" ".join(safe(row.text).split())))
    return table


def pairs_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], caption: str = "") -> Table:
    """Labels and their values side by side."""
    table = _table(caption)
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


def safe(text: str) -> str:
    """The text without what could steer a terminal: control characters and reversed writing."""
    kept = (character for character in text.replace("\t", "  ").replace("\r\n", "\n") if character not in _BIDI)
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else "\ufffd" for c in kept)


def _table(caption: str) -> Table:
    return Table(
        box=box.ROUNDED, expand=True, border_style="dim", header_style="bold", caption=Text(safe(caption), style="dim"),
        caption_justify="right",
    )  # fmt: skip


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")

"""Writes to the terminal: what all commands with tables share."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any, Final

import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def new_console() -> Console:
    """Writes to stdout; colours and width are those of the terminal, 80 columns without one."""
    return Console(highlight=False)


def safe(text: str) -> str:
    """The text without what could steer a terminal: control characters and reversed writing."""
    kept = (character for character in text.replace("\t", "  ").replace("\r\n", "\n") if character not in _BIDI)
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else "\ufffd" for c in kept)


def json_text(value: Any) -> str:
    """The value as one line of JSON; models have the contract's names."""
    return orjson.dumps(value, default=_members, option=orjson.OPT_UTC_Z).decode()


def print_json(value: Any) -> None:
    """Prints a line of JSON, for machines that may be waiting for it."""
    sys.stdout.write(json_text(value) + "\n")
    sys.stdout.flush()


def print_found(found: Any, *shown: RenderableType, as_json: bool) -> None:
    """Prints what was found: as JSON for machines, or as it is shown to people."""
    if as_json:
        print_json(found)
        return
    console = new_console()
    for each in shown:
        console.print(each)


def table_of(caption: str) -> Table:
    """An empty table over the whole width."""
    return Table(
        box=box.ROUNDED, expand=True, border_style="dim", header_style="bold", caption=Text(safe(caption), style="dim"),
        caption_justify="right",
    )  # fmt: skip


def _members(model: Any) -> dict[str, Any]:
    members: dict[str, Any] = model.model_dump(by_alias=True)
    return members

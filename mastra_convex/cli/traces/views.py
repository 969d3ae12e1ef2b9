"""Draws traces: a list, a tree with bars, messages, statistics. They fit 80 columns and need no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from rich import box
from rich.table import Table
from rich.text import Text

from mastra_convex.cli.terminal import safe, table_of
from mastra_convex.cli.traces.figures import Row, Span, Statistics, Tokens, duration_of, tokens_of

_STYLES: Final = {
    "agent_run": "magenta",
    "workflow_run": "magenta",
    "model_generation": "cyan",
    "tool_call": "yellow",
    "mcp_tool_call": "yellow",
}
_STATUS_STYLES: Final = {"error": "bold red", "running": "yellow", "success": "green"}
_BAR: Final = 16
_CHART: Final = 8


def list_table(traces: Sequence[Mapping[str, Any]]) -> Table:
    """Traces, the newest first, with the beginning of what they were asked."""
    table = table_of(f"{len(traces)} trace{'' if len(traces) == 1 else 's'}")
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("Agent, input, trace", ratio=1, overflow="ellipsis", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    table.add_column("Duration", justify="right", no_wrap=True)
    table.add_column("Tokens", justify="right", no_wrap=True)
    for trace in traces:
        asked = " ".join(safe(trace.get("inputPreview") or "").split())
        about = Text.assemble(
            (safe(trace.get("entityName") or trace["name"]), "bold"), "\n", asked, "\n", (trace["traceId"], "dim")
        )
        tokens = Tokens(trace["inputTokens"], trace["outputTokens"])
        table.add_row(
            _time(trace["startedAt"]), about, status(trace["status"]), took(duration_of(trace)), _tokens(tokens)
        )
    return table


def status(name: str) -> Text:
    """The status in its colour."""
    return Text(name, style=_STATUS_STYLES.get(name.strip(), ""))


def line(trace: Mapping[str, Any]) -> Text:
    """A trace as one line, as it is followed."""
    asked = " ".join(safe(trace.get("inputPreview") or "").split())
    about = f" {safe(trace.get('entityName') or trace['name'])}: {asked}"
    ended = status(f"{trace['status']:<8}")
    begun = f"{_time(trace['startedAt'], seconds=True)} "
    return Text.assemble(begun, ended, f"{took(duration_of(trace)):>9} ", (trace["traceId"], "dim"), about)


def tree(spans: Sequence[Span], *, encoding: str) -> Table:
    """The spans of a trace: what caused what, when each ran, its tokens and its error."""
    first = min(span["startedAt"] for span in spans)
    last = max(span.get("endedAt") or span["startedAt"] for span in spans)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=_BAR, no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for guide, span in _in_tree(spans):
        style = _STYLES.get(span["spanType"], "")
        name = Text.assemble((guide, "dim"), (span["spanType"], style), " ", safe(span["name"]))
        bar = Text(_bar(span, first, last, *_blocks(encoding)), style="red" if span.get("error") else style)
        table.add_row(name, bar, took(duration_of(span)), _tokens(tokens_of([span])))
        if error := span.get("error"):
            said = " ".join(safe(str(error.get("message") or error)).split())
            table.add_row(Text(f"{' ' * len(guide)}! {said}", style="red"), "", "", "")
    return table


def messages(spans: Sequence[Span]) -> Iterator[Text]:
    """Shows what models and tools were given and said, span by span; of a repeated conversation only what is new."""
    seen = 0
    for _, span in _in_tree(spans):
        kind = span["spanType"]
        if kind == "model_generation":
            asked = _said(span.get("input"))
            yield from asked[min(seen, len(asked)) :]
            answered = _said(span.get("output"))
            yield from answered
            seen = len(asked) + len(answered)
        elif kind in ("tool_call", "mcp_tool_call"):
            said = Text.assemble(("tool ", "yellow"), f"{safe(span.get('entityName') or span['name'])}(")
            yield Text.assemble(said, safe(_short(span.get("input"))), ") = ", safe(_short(span.get("output"))))


def statistics(found: Statistics, *, encoding: str) -> Iterator[Table]:
    """Tables by agent, by model and by day, each with a chart of the tokens."""
    for title, what, rows in (
        ("Agent", "traces", found.agents),
        ("Model", "calls", found.models),
        ("Day (UTC)", "traces", found.days),
    ):
        if rows:
            yield _statistics_table(title, what, rows, _blocks(encoding)[0])


def _statistics_table(title: str, what: str, rows: Sequence[Row], block: str) -> Table:
    has_cost = any(row.cost is not None for row in rows)
    most = max(row.input_tokens + row.output_tokens for row in rows)
    table = Table(box=box.SIMPLE_HEAD, expand=True, header_style="bold")
    table.add_column(title, ratio=1, min_width=14, no_wrap=True, overflow="ellipsis")
    for header in (what.capitalize(), "Errors", "Tokens", *(["Cost $"] if has_cost else []), "p50", "p95"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("", width=_CHART, no_wrap=True)
    for row in rows:
        tokens = row.input_tokens + row.output_tokens
        errors = Text(str(row.errors), style="red" if row.errors else "")
        cost = [] if not has_cost else ["" if row.cost is None else f"{row.cost:.4f}"]
        chart = Text(block * round(_CHART * tokens / most) if most else "", style="cyan")
        times = [took(row.p50), took(row.p95)]
        table.add_row(Text(safe(row.name)), str(row.count), errors, _count(tokens), *cost, *times, chart)
    return table


def took(milliseconds: float | None) -> str:
    """A duration; nothing while it goes on."""
    if milliseconds is None:
        return ""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1_000:.1f} s" if milliseconds < 100_000 else f"{milliseconds / 60_000:.1f} min"


def _in_tree(spans: Sequence[Span]) -> Iterator[tuple[str, Span]]:
    """The spans with the lines that lead to them, parents first. One whose parent is not there stands at the top."""
    known = {span["spanId"] for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span["startedAt"]):
        parent = span.get("parentSpanId")
        below.setdefault(parent if parent in known else None, []).append(span)

    def walk(span: Span, guide: str, indent: str) -> Iterator[tuple[str, Span]]:
        yield guide, span
        children = below.pop(span["spanId"], [])
        for n, child in enumerate(children):
            is_last = n == len(children) - 1
            yield from walk(child, indent + ("└── " if is_last else "├── "), indent + ("    " if is_last else "│   "))

    for top in below.pop(None, []):
        yield from walk(top, "", "")


def _bar(span: Span, first: datetime, last: datetime, full: str, empty: str) -> str:
    """When a span ran, within the time of its trace."""
    total = (last - first).total_seconds() or 1.0
    start: int = round(_BAR * (span["startedAt"] - first).total_seconds() / total)
    end: int = round(_BAR * ((span.get("endedAt") or last) - first).total_seconds() / total)
    start = min(start, _BAR - 1)
    return empty * start + full * max(end - start, 1)


def _blocks(encoding: str) -> tuple[str, str]:
    """Returns what bars are made of, and what leads to them."""
    return ("\N{FULL BLOCK}", "\N{MIDDLE DOT}") if encoding.startswith("utf") else ("#", ".")


def _said(value: Any) -> list[Text]:
    if not isinstance(value, list):
        return [] if value is None else [Text(safe(_short(value)))]
    return [_message(each) for each in value if isinstance(each, dict)]


def _message(message: Mapping[str, Any]) -> Text:
    parts = message.get("content")
    told = [_part(part) for part in parts] if isinstance(parts, list) else [str(parts)]
    return Text.assemble((f"{safe(str(message.get('role', '')))} ", "bold"), safe(" ".join(told)))


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    if part.get("type") == "tool-call":
        return f"calls {part.get('toolName')}({_short(part.get('input'))})"
    if part.get("type") == "tool-result":
        return f"result {_short(part.get('output'))}"
    text: object = part.get("text")
    return _short(part) if text is None else str(text)


def _short(value: Any) -> str:
    return str(value) if isinstance(value, str) else orjson.dumps(value).decode()


def _tokens(tokens: Tokens) -> str:
    return f"↑{_count(tokens.input)} ↓{_count(tokens.output)}" if tokens.input or tokens.output else ""


def _count(number: int) -> str:
    if number < 10_000:
        return str(number)
    return f"{number / 1_000:.0f}k" if number < 10_000_000 else f"{number / 1_000_000:.0f}M"


def _time(time: datetime, *, seconds: bool = False) -> str:
    return time.astimezone(UTC).strftime("%m-%d %H:%M:%S" if seconds else "%m-%d %H:%M")

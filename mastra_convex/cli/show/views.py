"""Draws threads, messages, runs, scores, documents and vectors. They fit 80 columns and need no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from rich.table import Table
from rich.text import Text

from mastra_convex.adapters.projection.reading import Call, File, Reasoning, Said, read_parts
from mastra_convex.cli.terminal import safe, table_of

_ROLES: Final = {"user": "cyan", "assistant": "magenta", "system": "yellow", "signal": "yellow"}
_STATUSES: Final = {"success": "green", "failed": "bold red", "tripwire": "bold red", "suspended": "yellow"}
_FOLDED: Final = 70
_ARGUMENTS: Final = 30
_SCORE_WIDTH: Final = 10


def caption(count: int, noun: str, *, has_more: bool) -> str:
    """Says how many there are, and whether it is all."""
    return f"{count} {noun}{'' if count == 1 else 's'}{'; there are more, see --limit' if has_more else ''}"


def threads(found: Sequence[Any], *, has_more: bool) -> Table:
    """Draws threads: when they changed, their titles, resources and ids."""
    table = table_of(caption(len(found), "thread", has_more=has_more))
    table.add_column("Updated (UTC)", no_wrap=True)
    table.add_column("Title, thread", ratio=2, overflow="fold")
    table.add_column("Resource", ratio=1, overflow="fold")
    for thread in found:
        about = Text.assemble((_line(thread.title) or "(no title)", "bold"), "\n", (safe(thread.id), "dim"))
        table.add_row(_time(thread.updated_at), about, Text(safe(thread.resource_id)))
    return table


def messages(found: Sequence[Any], *, is_open: bool) -> Iterator[Text]:
    """Draws messages; of tool calls, reasoning and files one line each, or all of them where `is_open`."""
    for message in found:
        style = _ROLES.get(message.role, "")
        yield Text.assemble(
            (safe(message.role), f"bold {style}"), f"  {_time(message.created_at)}  ", (safe(message.id), "dim")
        )
        yield from (_indented(text) for text in _pieces(message.content, is_open=is_open))
        yield Text()


def runs(found: Sequence[Any], *, has_more: bool) -> Table:
    """Draws runs: when they changed, their workflows, resources, ids and statuses."""
    table = table_of(caption(len(found), "run", has_more=has_more))
    table.add_column("Updated (UTC)", no_wrap=True)
    table.add_column("Workflow, resource, run", ratio=1, overflow="fold")
    table.add_column("Status", no_wrap=True)
    for run in found:
        about = Text.assemble(
            (_line(run.workflow_name), "bold"), "  ", _line(run.resource_id or ""), "\n", (safe(run.run_id), "dim")
        )
        table.add_row(_time(run.updated_at), about, _status(run.status))
    return table


def steps(run: Any) -> Table:
    """Draws the steps of a run: their statuses, durations, and what they gave or why they failed."""
    snapshot = run.snapshot if isinstance(run.snapshot, dict) else {}
    context = snapshot.get("context")
    found = {
        name: step
        for name, step in (context.items() if isinstance(context, dict) else ())
        if name != "input" and isinstance(step, dict)
    }
    table = table_of(caption(len(found), "step", has_more=False))
    table.add_column("Step", ratio=1, overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Took", justify="right", no_wrap=True)
    table.add_column("Output, or error", ratio=2, overflow="ellipsis", no_wrap=True)
    for name, step in found.items():
        given = step.get("error") or step.get("output") or step.get("suspendPayload")
        table.add_row(
            Text(safe(name)), _status(step.get("status")), _took(step), Text("" if given is None else _short(given))
        )
    return table


def scores(found: Sequence[Any], *, has_more: bool) -> Table:
    """Draws scores: their scorers, what was scored, the runs, the reasons, and the figures."""
    table = table_of(caption(len(found), "score", has_more=has_more))
    table.add_column("Created (UTC)", no_wrap=True)
    table.add_column("Scorer, entity, run", ratio=1, overflow="fold")
    table.add_column("Score", justify="right", no_wrap=True)
    for score in found:
        reason = [f"\n{_line(score.reason)}"] if score.reason else []
        about = Text.assemble(
            (_line(score.scorer_id), "bold"), "  ", _line(score.entity_id), "\n", (safe(score.run_id), "dim"), *reason
        )
        table.add_row(_time(score.created_at), about, f"{score.score:.4g}"[:_SCORE_WIDTH])
    return table


def names(title: str, found: Sequence[str], *, has_more: bool) -> Table:
    """Draws a list of names."""
    table = table_of(caption(len(found), title, has_more=has_more))
    table.add_column(title.capitalize(), ratio=1, overflow="fold")
    for name in found:
        table.add_row(Text(safe(name)))
    return table


def documents(found: Sequence[Mapping[str, Any]], *, has_more: bool) -> Table:
    """Draws documents: their ids and the beginning of the rest."""
    table = table_of(caption(len(found), "document", has_more=has_more))
    table.add_column("Id", ratio=1, overflow="fold")
    table.add_column("Record", ratio=3, overflow="ellipsis", no_wrap=True)
    for document in found:
        rest = {name: value for name, value in document.items() if name != "id"}
        table.add_row(Text(safe(str(document.get("id")))), Text(_short(rest)))
    return table


def vector_indexes(found: Mapping[str, Any], *, has_more: bool) -> Table:
    """Draws indexes of vectors: their dimensions, metrics, counts, and how they are searched."""
    table = table_of(caption(len(found), "index", has_more=has_more).replace("indexs", "indexes"))
    table.add_column("Index", ratio=1, overflow="fold")
    for header in ("Dimension", "Vectors"):
        table.add_column(header, justify="right", no_wrap=True)
    for header in ("Metric", "Searched"):
        table.add_column(header, no_wrap=True)
    for name, index in found.items():
        table.add_row(Text(safe(name)), str(index.dimension), str(index.count), index.metric, index.served)
    return table


def vectors(found: Sequence[Any], *, has_more: bool, with_score: bool = False) -> Table:
    """Draws vectors: their ids and metadata, and how near they are where there is a query."""
    table = table_of(caption(len(found), "vector", has_more=has_more))
    if with_score:
        table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Id", ratio=1, overflow="fold")
    table.add_column("Metadata", ratio=3, overflow="fold")
    for hit in found:
        score = [f"{hit.score:.3f}"] if with_score else []
        table.add_row(*score, Text(safe(hit.id)), Text(_short(hit.metadata)))
    return table


def _pieces(content: Mapping[str, Any], *, is_open: bool) -> Iterator[Text]:
    parts = content.get("parts")
    if not parts or not isinstance(parts, list):
        yield from (_piece(piece, is_open=is_open) for piece in read_parts(content))
        return
    for part in parts:
        known = list(read_parts({"parts": [part]}))
        yield from (_piece(piece, is_open=is_open) for piece in known)
        kind = part.get("type") if isinstance(part, dict) else None
        if not known and kind not in ("step-start", "text"):
            yield _folded(str(kind or "part"), _short(part), is_open=is_open)


def _piece(piece: Said | Reasoning | File | Call, *, is_open: bool) -> Text:
    match piece:
        case Said(text):
            return Text(safe(text))
        case Reasoning(text):
            return _folded("reasoning", safe(text), is_open=is_open)
        case File(where, media_type, filename):
            return _folded("file", safe(f"{filename or ''} {media_type} {where}".strip()), is_open=is_open)
        case Call():
            outcome = piece.problem if piece.problem is not None else piece.result
            ended = f" = {_short(outcome)}" if piece.is_done else " ..."
            mark = "!" if piece.problem is not None else ""
            given = _short(piece.args) if is_open else _cut(_short(piece.args), _ARGUMENTS)
            return _folded(f"tool{mark}", f"{safe(piece.tool_name)}({given}){ended}", is_open=is_open)


def _folded(label: str, text: str, *, is_open: bool) -> Text:
    line = text if is_open else _cut(" ".join(text.split()), _FOLDED - len(label))
    return Text.assemble((f"[{safe(label)}] ", "yellow"), (line, "dim"))


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[:width]}…"


def _indented(text: Text) -> Text:
    lines = text.split(allow_blank=True)
    return Text("\n").join(Text.assemble("  ", line) for line in lines)


def _status(name: Any) -> Text:
    return Text(safe(str(name or "")), style=_STATUSES.get(str(name), ""))


def _took(step: Mapping[str, Any]) -> str:
    started, ended = step.get("startedAt"), step.get("endedAt")
    if not isinstance(started, int | float) or not isinstance(ended, int | float):
        return ""
    return f"{ended - started:.0f} ms" if ended - started < 1_000 else f"{(ended - started) / 1_000:.1f} s"


def _short(value: Any) -> str:
    """The value as one line of JSON, text as it is; what is cut is at the end of a column."""
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return " ".join(safe(text).split())


def _line(text: str) -> str:
    return " ".join(safe(text).split())


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")

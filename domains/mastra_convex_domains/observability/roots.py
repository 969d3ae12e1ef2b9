"""Makes the row of a trace of its spans, and reads it (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mastra_convex.domain import Edit, Row, encode_row, from_json, now, to_iso, to_json

from .models import Span, TraceStatus, TraceSummary
from .tables import ROOTS, TEXTS

_PREVIEW: Final = 100
"""Characters of a preview."""

_KEPT_BYTES: Final = 8 << 10
"""Bytes of metadata in the row of a trace; larger members stay with the span alone."""

COUNTED: Final = "model_generation"
"""The kind of span whose tokens count: its steps have the same tokens again."""


def status_of(error: Any, ended_at: Any) -> TraceStatus:
    """Tells how a span ended; Mastra never stores it."""
    if error is not None:
        return "error"
    return "running" if ended_at is None else "success"


def root_row(span: Span) -> Row:
    """Returns the row of the trace of a root span, without what its other spans add."""
    columns = vars(span)
    values: dict[str, Any] = {
        "id": span.trace_id,
        "rootSpanId": span.span_id,
        "name": span.name,
        "spanType": span.span_type,
        "isEvent": span.is_event,
        "startedAt": span.started_at,
        "endedAt": span.ended_at,
        "status": status_of(span.error, span.ended_at),
        "scope": span.scope,
        "metadata": _small_members(span.metadata),
        "tags": span.tags,
        "error": _small(span.error),
        "inputPreview": input_preview(span.input),
        "createdAt": now(),
        "updatedAt": now(),
    }
    names = Span.model_fields
    texts = {field.alias: columns[name] for name, field in names.items() if field.alias in TEXTS}
    return encode_row(ROOTS, {**values, **texts})


def stub_row(trace_id: str) -> Row:
    """Returns the row of a trace whose root was not written yet."""
    return {"id": trace_id, "updatedAt": to_iso(now())}


def mark_of(span: Span, *, changed: bool = False) -> dict[str, int] | None:
    """Returns what is counted of a span; None for nothing. A changed span may have counted before."""
    usage = (span.attributes or {}).get("usage") if span.span_type == COUNTED else None
    given, made = (_count(usage, name) for name in ("inputTokens", "outputTokens"))
    counts = {"i": given, "o": made, "e": int(span.error is not None)}
    mark = {name: count for name, count in counts.items() if count}
    return mark if mark or changed else None


def mark_edits(spans: Iterable[Span], *, changed: bool = False) -> list[Edit]:
    """Returns the edits of the row of a trace that count its spans, each once however often it is written."""
    marks = {span.span_id: mark for span in spans if (mark := mark_of(span, changed=changed)) is not None}
    edits = [Edit(path=["marks"], reducer="merge", value=to_json(marks))] if marks else []
    if any(mark.get("e") for mark in marks.values()):
        edits.append(Edit(path=["hasChildError"], reducer="set", value="true"))
    return edits


def totals_of(marks: object) -> tuple[int, int, int]:
    """Returns tokens given and made, and errors, of what was counted of a trace."""
    counted = [mark for mark in marks.values() if isinstance(mark, dict)] if isinstance(marks, dict) else []
    given, made, errors = (sum(_count(mark, name) for mark in counted) for name in ("i", "o", "e"))
    return given, made, errors


def summary(values: Sequence[str | None]) -> TraceSummary:
    """Returns the trace of the columns `LISTED`, which are JSON text."""
    members = {name: from_json(value) for name, value in zip(LISTED, values, strict=True) if value is not None}
    given, made, errors = totals_of(members.pop("marks", None))
    members |= {"traceId": members.pop("id", None), "spanId": members.pop("rootSpanId", None)}
    return TraceSummary.stored({**members, "inputTokens": given, "outputTokens": made, "errors": errors}, ROOTS)


def input_preview(value: Any) -> str | None:
    """Returns the first words of an input: of messages the texts of users, of other values their text or JSON."""
    if value is None:
        return None
    messages = value.get("messages") if isinstance(value, Mapping) else value
    if isinstance(messages, list) and any(isinstance(each, Mapping) and "role" in each for each in messages):
        text = " | ".join(filter(None, map(_user_text, messages)))
    else:
        text = value if isinstance(value, str) else to_json(value)
    return text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}…"


def _user_text(message: Any) -> str:
    if not isinstance(message, Mapping) or message.get("role") != "user":
        return ""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else message.get("parts")
    texts = [
        part["text"]
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
    ]
    return " ".join(texts)


def _small(value: Any) -> Any:
    """Returns a value for the row of a trace: of a large error only its message."""
    if value is None or len(to_json(value)) <= _KEPT_BYTES:
        return value
    message = value.get("message") if isinstance(value, Mapping) else None
    return {"message": str(message if message is not None else "a large error")[:_PREVIEW]}


def _small_members(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns metadata without the members that make them large."""
    if metadata is None:
        return None
    left = _KEPT_BYTES
    kept: dict[str, Any] = {}
    for name, value in metadata.items():
        size = len(to_json(value))
        if size <= left:
            kept[name] = value
            left -= size
    return kept


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, Mapping) else None
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0


_SHOWN: Final = frozenset(field.alias for field in TraceSummary.model_fields.values())

LISTED: Final = tuple(
    field.name for field in ROOTS.fields if field.name in _SHOWN or field.name in ("id", "rootSpanId", "marks")
)
"""The columns of a trace that lists show."""

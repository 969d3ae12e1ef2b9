"""Decides what of a span's content is stored. Internal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mastra_convex.tracing.span import CONTENT, TOLD_BY_ATTRIBUTES, SpanFields
from mastra_convex.tracing.values import fitted, plain

ContentChange = Callable[[dict[str, Any]], dict[str, Any]]
"""Changes the fields of a span, in place or as a copy, and returns them."""

Content = bool | ContentChange

_LARGE = (*CONTENT, "attributes", "error", "links")


def with_content(fields: SpanFields, content: Content, max_value_bytes: int) -> SpanFields:
    """Returns the fields as they are stored: changed, or without content, and of a bounded size."""
    if content is False:
        fields = _without_content(fields)
    elif content is not True:
        key = fields["trace_id"], fields["span_id"]
        fields = plain_fields(content(fields))
        fields["trace_id"], fields["span_id"] = key
    for name in _LARGE:
        if name in fields:
            fields[name] = fitted(fields[name], max_value_bytes)
    return fields


def plain_fields(fields: SpanFields) -> SpanFields:
    """Returns the fields with JSON in all that hold JSON."""
    return {name: plain(value) if name in _LARGE else value for name, value in fields.items()}


def _without_content(fields: SpanFields) -> SpanFields:
    """Leaves ids, names, times, counts, and of an error its class."""
    kept = {name: value for name, value in fields.items() if name not in CONTENT}
    attributes: dict[str, Any] = kept.get("attributes") or {}
    kept["attributes"] = {name: attributes[name] for name in TOLD_BY_ATTRIBUTES if name in attributes} or None
    if error := kept.get("error"):
        name = error.get("name") or "error"
        kept["error"] = {"message": name, "name": name}
    if links := kept.get("links"):
        kept["links"] = [{name: link[name] for name in ("traceId", "spanId")} for link in links]
    return kept

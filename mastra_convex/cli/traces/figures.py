"""Computes durations, tokens and costs of spans, and statistics of them. Spans are mappings with Mastra's names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

Span = Mapping[str, Any]

_GENERATION: Final = "model_generation"
"""The spans whose usage is counted: their steps repeat it."""


@dataclass(frozen=True)
class Tokens:
    """Counts tokens, and what they cost where that is known, in US dollars."""

    input: int = 0
    output: int = 0
    cost: float | None = None


@dataclass(frozen=True)
class Row:
    """Sums up the traces of an agent or of a day, or the calls of a model. Durations are milliseconds."""

    name: str
    count: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class Statistics:
    """Sums up traces by agent, by model and by day."""

    agents: Sequence[Row]
    models: Sequence[Row]
    days: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def duration_of(span: Span) -> float | None:
    """Returns the milliseconds that a span took; None while it is running."""
    started, ended = span["startedAt"], span.get("endedAt")
    return None if ended is None else (ended - started).total_seconds() * 1000


def tokens_of(spans: Iterable[Span]) -> Tokens:
    """Adds up the tokens of the models' spans."""
    told = [span.get("attributes") or {} for span in spans if span["spanType"] == _GENERATION]
    usages = [attributes.get("usage") or {} for attributes in told]
    costs = [cost for each in told if (cost := (each.get("costContext") or {}).get("estimatedCost")) is not None]
    return Tokens(
        sum(usage.get("inputTokens") or 0 for usage in usages),
        sum(usage.get("outputTokens") or 0 for usage in usages),
        sum(costs) if costs else None,
    )


def statistics_of(traces: Sequence[Sequence[Span]]) -> Statistics:
    """Sums up traces, each the list of its spans."""
    whole = [(root, spans) for spans in traces for root in [root_of(spans)] if root is not None]
    calls = [(span, [span]) for spans in traces for span in spans if span["spanType"] == _GENERATION]
    return Statistics(
        agents=_rows(whole, lambda root: root.get("entityName") or root["name"]),
        models=_rows(calls, _model),
        days=sorted(_rows(whole, _day), key=lambda row: row.name),
    )


def root_of(spans: Sequence[Span]) -> Span | None:
    """Returns the span without a parent."""
    return next((span for span in spans if span.get("parentSpanId") is None), None)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Returns the value below which a share of the sorted values lies, between two of them if need be."""
    if not values:
        return None
    place = (len(values) - 1) * share
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def _rows(found: Iterable[tuple[Span, Sequence[Span]]], name_of: Callable[[Span], str]) -> list[Row]:
    groups: defaultdict[str, list[tuple[Span, Sequence[Span]]]] = defaultdict(list)
    for first, spans in found:
        groups[name_of(first)].append((first, spans))
    rows = [_row(name, members) for name, members in groups.items()]
    return sorted(rows, key=lambda row: (-row.input_tokens - row.output_tokens, -row.count, row.name))


def _row(name: str, members: Sequence[tuple[Span, Sequence[Span]]]) -> Row:
    tokens = tokens_of(span for _, spans in members for span in spans)
    durations = sorted(took for first, _ in members if (took := duration_of(first)) is not None)
    return Row(
        name=name,
        count=len(members),
        errors=sum(first.get("error") is not None for first, _ in members),
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cost=tokens.cost,
        p50=percentile(durations, 0.5),
        p95=percentile(durations, 0.95),
        p99=percentile(durations, 0.99),
    )


def _model(span: Span) -> str:
    return str((span.get("attributes") or {}).get("model") or span["name"])


def _day(span: Span) -> str:
    started: datetime = span["startedAt"]
    return started.astimezone(UTC).date().isoformat()

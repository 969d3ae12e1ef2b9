"""Says the filters of a LangGraph store in Mastra's filter language (docs/adapters/langgraph-store.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def mastra_filter(filter: Mapping[str, Any] | None, *, within: str) -> dict[str, Any] | None:
    """Returns a filter of Mastra with the meaning of one of LangGraph; None for one that all values match.

    Args:
        filter: the filter: for each member of a value what it must equal, operators, or a filter of its own members.
        within: the name under which the values are stored.
    """
    conditions = [one for name, wanted in (filter or {}).items() for one in _conditions(f"{within}.{name}", wanted)]
    return {"$and": conditions} if conditions else None


def _conditions(name: str, wanted: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(wanted, Mapping):
        yield {name: _equal(wanted)}
    elif any(key.startswith("$") for key in wanted):
        for operator, operand in wanted.items():
            yield {name: _operator(operator, operand)}
    else:
        yield {name: {"$contains": {}}}  # it is an object
        for member, inner in wanted.items():
            yield from _conditions(f"{name}.{member}", inner)


def _operator(operator: str, operand: Any) -> dict[str, Any]:
    match operator:
        case "$eq":
            return _equal(operand)
        case "$ne":
            return {"$not": _equal(operand)}
        case _:
            return {operator: operand}  # these mean the same, or are Mastra's alone


def _equal(value: Any) -> dict[str, Any]:
    """Returns the filter of values that are equal, which arrays with an equal element are not, as in Mastra."""
    return {"$eq": value, "$not": {"$elemMatch": {"$eq": value}}}

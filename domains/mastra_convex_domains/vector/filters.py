"""Checks the filter of a query before it is sent (docs/protocol.md, "Conditions")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex.domain import Condition, checked_filter, holds_always, mapping, to_json
from mastra_convex.errors import ValidationError

Filter = Mapping[str, Any]


def filter_conditions(filter: Filter | None, name: str, *, operation: str) -> list[Condition]:
    """Returns the condition that the metadata of a row match the filter, or none for an empty filter.

    Raises ValidationError for an operator that is unknown or misplaced, and for an operand that it does not accept.
    """
    return _matching(_checked(filter, name, operation))


def selection(filter: Filter | None, name: str, *, operation: str) -> list[Condition]:
    """Returns the conditions of a filter that selects vectors to change or delete.

    Raises ValidationError also for a filter that holds for every vector, in whatever form.
    """
    sent = _checked(filter, name, operation)
    if filter is not None and holds_always(sent):
        what = "be a filter that holds for every vector" if sent else "be an empty filter"
        message = f"{name} must not {what}; name some by their metadata, or call truncate_index to delete all"
        status = "MATCH_ALL_FILTER" if sent else "EMPTY_FILTER"
        raise ValidationError(message, operation=operation, status=status)
    return _matching(sent)


def _matching(sent: dict[str, Any]) -> list[Condition]:
    return [Condition(path=["metadata"], operator="match", value=to_json(sent))] if sent else []


def _checked(filter: Filter | None, name: str, operation: str) -> dict[str, Any]:
    """Returns a filter as it is sent."""
    if filter is None:
        return {}
    members = mapping(filter, name, operation=operation)
    try:
        sent: dict[str, Any] = checked_filter(members, name, place="record")
    except ValidationError as error:
        raise ValidationError(
            error.message, operation=operation, status="INVALID_FILTER", details=error.details
        ) from error
    return sent

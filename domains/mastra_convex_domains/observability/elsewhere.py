"""Refuses what this domain does not keep, and says where to send it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from mastra_convex.domain import DomainStore
from mastra_convex.errors import ConfigurationError

_WHAT: Final[Mapping[str, tuple[str, ...]]] = {
    "logs": ("batch_create_logs", "list_logs"),
    "scores of spans": (
        "create_score",
        "batch_create_scores",
        "list_scores",
        "get_score_by_id",
        "get_score_aggregate",
        "get_score_breakdown",
        "get_score_time_series",
        "get_score_percentiles",
    ),
    "feedback": (
        "create_feedback",
        "batch_create_feedback",
        "list_feedback",
        "update_feedback",
        "get_feedback_aggregate",
        "get_feedback_breakdown",
        "get_feedback_time_series",
        "get_feedback_percentiles",
    ),
    "metrics": (
        "batch_create_metrics",
        "list_metrics",
        "get_metric_aggregate",
        "get_metric_breakdown",
        "get_metric_time_series",
        "get_metric_percentiles",
        "get_metric_names",
        "get_metric_label_keys",
        "get_metric_label_values",
    ),
}
_METHODS: Final = {method: what for what, methods in _WHAT.items() for method in methods}
_INSTEAD: Final[Mapping[str, str]] = {
    "scores of spans": "the domain `scores` keeps scores of runs",
    "metrics": "`get_totals` and `get_trace_totals` sum tokens and errors",
}


class Elsewhere(DomainStore):
    """Has Mastra's methods for logs, metrics, scores of spans and feedback; each raises ConfigurationError."""

    def __getattr__(self, name: str) -> Any:
        what = _METHODS.get(name)
        if what is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        async def refuse(*args: object, **options: object) -> NoReturn:
            instead = f"; {_INSTEAD[what]}" if what in _INSTEAD else ""
            raise ConfigurationError(
                f"{what} are not kept here{instead}. Route the domain to a store that has them: "
                'CompositeStore(id="app", default=store, domains={"observability": other})',
                operation=name.upper(),
                status="NOT_IMPLEMENTED",
            )

        return refuse

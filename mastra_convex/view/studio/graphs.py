"""The graph of a workflow, of a snapshot that may come from any engine: wrong parts are left out, never an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_OF_ONE_STEP: Final = frozenset({"step", "loop", "foreach"})
_OF_SEVERAL: Final = frozenset({"parallel", "conditional"})
_OTHERS: Final = frozenset(
    {"agent", "tool", "classifier", "mapping", "sleep", "sleepUntil", "waitForEvent", "workflow"}
)

Graph = list[dict[str, Any]]


def results_of(snapshot: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the results of the steps of a run by their ids."""
    context = snapshot.get("context")
    found = context.items() if isinstance(context, dict) else ()
    return {id: result for id, result in found if id != "input" and isinstance(result, dict)}


def graph_of(snapshot: Mapping[str, Any]) -> Graph:
    """Returns the graph that a snapshot has, or the chain of the steps that it has results of."""
    graph = snapshot.get("serializedStepGraph")
    if isinstance(graph, list) and graph and all(map(_is_entry, graph)):
        return graph
    return [{"type": "step", "step": {"id": id}} for id in results_of(snapshot)]


def steps_of(graph: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the steps of a graph by their ids, those of its parts included."""
    steps: dict[str, dict[str, Any]] = {}
    for entry in graph:
        steps |= steps_of(entry["steps"]) if entry["type"] in _OF_SEVERAL else {}
        step = entry.get("step")
        if isinstance(step, dict):
            texts = {name: step[name] for name in ("id", "description") if isinstance(step.get(name), str)}
            steps[step["id"]] = texts
    return steps


def _is_entry(entry: Any) -> bool:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if kind in _OF_ONE_STEP:
        return _has_id(entry.get("step"))
    if kind in _OF_SEVERAL:
        steps = entry.get("steps")
        conditions = entry.get("serializedConditions", [])
        return isinstance(steps, list) and all(map(_is_entry, steps)) and isinstance(conditions, list)
    return kind in _OTHERS and (_has_id(entry) or _has_id(entry.get("step")))


def _has_id(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)

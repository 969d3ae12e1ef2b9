"""Agents, of which a store has none: Studio lists threads under an agent, so each resource is shown as one."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex.view.studio.calls import Call
from mastra_convex.view.studio.slugs import decoded, encoded

_ALL: Final = "all-threads"
_RESOURCE: Final = "r-"


async def list_agents(call: Call) -> dict[str, Any]:
    """Returns an agent for all threads, and one for each resource of the newest threads."""
    resources = await call.catalog.resources()
    ids = [_ALL, *(_RESOURCE + encoded(resource) for resource in resources)]
    return {id: _agent(id) for id in ids}


async def get_agent(call: Call) -> dict[str, Any] | None:
    """Returns the agent of any resource, also of one that the list lacks."""
    return _agent(call.request.match_info["agent"])


async def list_providers(call: Call) -> dict[str, Any]:
    """Returns no provider of models; a 404 would make Studio ask again without end."""
    return {"providers": []}


def resource_of(call: Call) -> str | None:
    """Returns the resource whose threads are asked for; None for those of all.

    Studio gives the agent as `agentId` and as `resourceId`; other clients may give a real resource.
    """
    wanted = call.text("resourceId") or call.text("agentId")
    if wanted is None or wanted == _ALL:
        return None
    resource = _resource(wanted)
    return wanted if resource is None else resource


def traces_of(agent: str) -> dict[str, Any] | None:
    """Returns the predicate of the traces that belong to an agent of ours; None for an agent that spans name."""
    if agent == _ALL:
        return {"op": "exists", "path": "traceId"}
    resource = _resource(agent)
    return None if resource is None else {"op": "eq", "left": {"path": "resourceId"}, "right": {"literal": resource}}


def _resource(agent: str) -> str | None:
    return decoded(agent.removeprefix(_RESOURCE)) if agent.startswith(_RESOURCE) else None


def _agent(id: str) -> dict[str, Any] | None:
    name = "All threads" if id == _ALL else _resource(id)
    if not name:
        return None
    return {
        "id": id,
        "name": name,
        "description": "Threads of all resources" if id == _ALL else "Threads of this resource",
        "instructions": "",
        "tools": {},
        "agents": {},
        "workflows": {},
        "skills": [],
        "workspaceTools": [],
        "browserTools": [],
        "hasBrowser": False,
        "inputProcessors": [],
        "outputProcessors": [],
        "provider": "",
        "modelId": "",
        "supportsMemory": True,
        "source": "code",
        "editor": False,
    }

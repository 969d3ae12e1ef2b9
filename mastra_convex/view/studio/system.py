"""Answers what Studio asks about the server itself."""

from __future__ import annotations

from typing import Any

from mastra_convex.version import VERSION
from mastra_convex.view.studio.calls import Call

_NO_PAGE = {"total": 0, "page": 0, "perPage": 20, "hasMore": False}


async def greet(call: Call) -> dict[str, Any]:
    """Says what answers here."""
    return {"name": "mastra-convex", "version": VERSION}


async def get_capabilities(call: Call) -> dict[str, Any]:
    """Says that nobody logs in by Studio; without this answer it shows nothing."""
    return {"enabled": False, "login": None}


async def get_packages(call: Call) -> dict[str, Any]:
    """Says what is stored. No packages, as Studio would ask the registry of npm for each."""
    has_traces = await call.store.get_store("observability") is not None
    name = type(call.store).__name__
    return {
        "packages": [],
        "isDev": False,
        "cmsEnabled": False,
        "liveKitConnectionRouteEnabled": False,
        "observabilityEnabled": has_traces,
        "storageType": name,
        "observabilityStorageType": name,
        # `metrics` shows the tokens of traces, the only ones that there are.
        "observabilityStorageCapabilities": {"metrics": has_traces, "logs": False, "traceQueryDiscovery": False},
    }


async def get_builder(call: Call) -> dict[str, Any]:
    """Says that agents cannot be made here."""
    return {"enabled": False}


async def list_datasets(call: Call) -> dict[str, Any]:
    """Returns none; without an answer Studio's page of scores fails."""
    return {"datasets": [], "pagination": _NO_PAGE}


async def list_experiments(call: Call) -> dict[str, Any]:
    """Returns none; without an answer Studio's page of scores fails."""
    return {"experiments": [], "pagination": _NO_PAGE}


async def count_reviews(call: Call) -> dict[str, Any]:
    """Returns none; without an answer Studio's page of scores fails."""
    return {"counts": []}

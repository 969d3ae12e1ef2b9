"""Mastra Studio over a store: its read-only routes, and its files where the user has them (docs/studio.md)."""

from __future__ import annotations

from mastra_convex.view.studio.fetch import fetch
from mastra_convex.view.studio.files import BASE, StudioFiles
from mastra_convex.view.studio.routes import QUERY_PATHS, add_routes

__all__ = ["BASE", "QUERY_PATHS", "StudioFiles", "add_routes", "fetch"]

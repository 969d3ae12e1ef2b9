"""Runs the tests of a domain on every backend: memory, SQLite, the local server, and Convex's functions on convex-test.

The extra `testing` has what it needs. With pytest, the fixtures `mastra_backend` and `mastra_store` are there once this
package is installed (docs/adding-a-domain.md, "Tests"); `open_backend` serves any other test runner.
"""

from __future__ import annotations

from mastra_convex.testing.backends import BACKENDS, Backend, open_backend, remote_store
from mastra_convex.testing.convex_host import ConvexHost, NodeMissingError, project_host, run_host

__all__ = [
    "BACKENDS",
    "Backend",
    "ConvexHost",
    "NodeMissingError",
    "open_backend",
    "project_host",
    "remote_store",
    "run_host",
]

"""Fixtures: every contract test runs once per backend."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from mastra_convex.engine.protocol import Engine
from mastra_convex_domains import MemoryStore
from tests import figures
from tests.backends import BACKENDS, Backend, ConvexHost, convex_host, open_backend

_passed: Counter[str] = Counter()


StartHost = Callable[[], Awaitable[ConvexHost]]


@pytest.fixture(scope="session")
async def start_host() -> AsyncIterator[StartHost]:
    """Starts the Node host with our functions, as a user deploys them, when a test first needs it."""
    started: list[ConvexHost] = []
    async with AsyncExitStack() as stack:

        async def start() -> ConvexHost:
            if not started:
                started.append(await stack.enter_async_context(convex_host()))
            return started[0]

        yield start


@pytest.fixture
async def host(start_host: StartHost) -> ConvexHost:
    return await start_host()


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path, start_host: StartHost) -> AsyncIterator[Backend]:
    name: str = request.param
    host = await start_host() if name == "convex-test" else None
    async with open_backend(name, tmp_path, host) as backend:
        yield backend


@pytest.fixture
def engine(backend: Backend) -> Engine:
    return backend.engine()


@pytest.fixture
def store(backend: Backend) -> ConvexStore:
    return backend.store()


@pytest.fixture
def memory(store: ConvexStore) -> MemoryStore:
    return store.memory


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _passed.update(name for name in BACKENDS if f"[{name}" in report.nodeid or f"-{name}]" in report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = ", ".join(f"{name} {_passed[name]}" for name in BACKENDS)
    terminalreporter.write_line(f"contract tests passed per backend: {counts}")
    for line in figures.lines():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a run that left a backend out has failed."""
    if os.environ.get("CI") and exitstatus == 0 and not all(_passed[name] for name in BACKENDS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

"""Fixtures: every contract test runs once per backend. Options: see `tests/selection.py`."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mastra_convex import ConvexStore
from mastra_convex.engine.protocol import Engine
from mastra_convex_domains import MemoryStore
from tests import selection
from tests.backends import BACKENDS, Backend, ConvexHost, convex_host, open_backend
from tests.effort import LONG, effort
from tests.summary import Figure, RecordProperty, Summary, Tally

pytest_plugins = ["mastra_convex_pytest"]  # as it is where the package is installed

StartHost = Callable[[], Awaitable[ConvexHost]]

# No test depends on time; the same examples each time, but in the long setting.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=not LONG,
    database=None,
    max_examples=effort(30, 100),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("tests")

_LONG_TIMEOUT = 7_200.0
"""Seconds after which a test of the long setting hangs."""

_summary = Summary()


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


@pytest.fixture
def figure(record_property: RecordProperty) -> Figure:
    """Keeps a figure for the end of the run, by name. A name that comes again replaces the earlier figure."""
    return lambda name, value: record_property("figure", (name, str(value)))


@pytest.fixture
def tally(record_property: RecordProperty) -> Tally:
    """Keeps a count for the end of the run, by name. Counts under one name are added up."""
    return lambda name, count: record_property("figure", (name, count))


def pytest_addoption(parser: pytest.Parser) -> None:
    selection.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    if LONG and config.option.timeout is None:
        config.option.timeout = _LONG_TIMEOUT


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return selection.is_left_out(config, collection_path) or None


def pytest_itemcollected(item: pytest.Item) -> None:
    if backend := selection.backend_of(item):
        item.user_properties.append(("backend", backend))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    selection.select(config, items)


def pytest_collection_finish() -> None:
    """Has the garbage collector leave ten thousand tests alone, which makes each of its rounds 0.4 seconds long."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _summary.add(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in _summary.lines():
        terminalreporter.write_line(line)
    if _lacks_backends(config):
        terminalreporter.write_line(f"no contract test passed on: {', '.join(_summary.missing())}", red=True)
    if terminalreporter.verbosity > 0 and (costs := _summary.costs()):
        terminalreporter.section("cost")
        for line in costs:
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == 0 and _lacks_backends(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _lacks_backends(config: pytest.Config) -> bool:
    """In CI a run that left a backend out has failed. A worker of pytest-xdist has only some of the tests."""
    is_whole = selection.has_all_backends(config) and not hasattr(config, "workerinput")
    return bool(os.environ.get("CI") and is_whole and _summary.missing())

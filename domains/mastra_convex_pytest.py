"""The plugin of pytest for tests of domains: fixtures over `mastra_convex.testing` (docs/adding-a-domain.md, "Tests").

pytest loads it in every project where this package is installed. So it is a module of its own, and imports nothing of
the package before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mastra_convex import ConvexStore
    from mastra_convex.testing import Backend, ConvexHost
    from mastra_convex.testing.backends import DomainClasses

try:
    import pytest_asyncio

    _async_fixture: Any = pytest_asyncio.fixture
except ModuleNotFoundError:  # then the plugin of anyio runs them
    _async_fixture = pytest.fixture

_BACKEND = "mastra_backend"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--mastra-backend`."""
    parser.getgroup("mastra_convex").addoption(
        "--mastra-backend",
        action="append",
        default=[],
        metavar="NAME[,NAME]",
        help="run tests with the fixture mastra_backend on these backends only; may be repeated",
    )


def _chosen(config: pytest.Config) -> list[str]:
    """The backends that the command line names."""
    given: list[str] = config.getoption("mastra_backend") or []
    return [name for names in given for name in names.split(",")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test with the fixture once for each backend."""
    if _BACKEND not in metafunc.fixturenames:
        return
    if any(_BACKEND in str(mark.args[0]).split(",") for mark in metafunc.definition.iter_markers("parametrize")):
        return  # the test says itself which
    from mastra_convex.testing import BACKENDS  # noqa: PLC0415  # see above

    wanted = _chosen(metafunc.config)
    if unknown := [name for name in wanted if name not in BACKENDS]:
        raise pytest.UsageError(f"--mastra-backend: no such backend: {', '.join(unknown)}; {', '.join(BACKENDS)} are")
    metafunc.parametrize(_BACKEND, [name for name in BACKENDS if name in (wanted or BACKENDS)], indirect=True)


@pytest.fixture(scope="session")
def mastra_domains() -> DomainClasses:
    """The domain classes of the stores; None for all that are installed. Override it with those that you test."""
    return None


@pytest.fixture(scope="session")
def mastra_hosts() -> Generator[Callable[[DomainClasses], ConvexHost]]:
    """Starts Node over functions and schema for some domains, at the first test that needs it; once for all tests."""
    from mastra_convex.testing import project_host  # noqa: PLC0415
    from mastra_convex.testing.backends import tables_of  # noqa: PLC0415

    hosts: dict[tuple[Any, ...], ConvexHost] = {}
    with ExitStack() as stack:

        def host(domains: DomainClasses) -> ConvexHost:
            tables = tuple(tables_of(domains))
            if tables not in hosts:
                hosts[tables] = stack.enter_context(project_host(tables))
            return hosts[tables]

        yield host


@_async_fixture  # type: ignore[untyped-decorator]  # whose it is depends on what is installed
async def mastra_backend(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    mastra_domains: DomainClasses,
    mastra_hosts: Callable[[DomainClasses], ConvexHost],
) -> AsyncGenerator[Backend]:
    """An empty database of each backend in turn; its `store()` opens another store on it."""
    from mastra_convex.testing import NodeMissingError, open_backend  # noqa: PLC0415

    host = None
    if request.param == "convex-test":
        try:
            host = mastra_hosts(mastra_domains)
        except NodeMissingError as error:
            if "convex-test" in _chosen(request.config):
                raise
            pytest.skip(error.message)
    async with open_backend(request.param, tmp_path, host, mastra_domains) as backend:
        yield backend


@pytest.fixture
def mastra_store(mastra_backend: Backend) -> ConvexStore:
    """A store with `mastra_domains` on an empty database of each backend in turn."""
    return mastra_backend.store()

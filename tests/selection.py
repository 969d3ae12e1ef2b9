"""Which tests a run has: all but the long ones, those of some backends (`--backend`), or the quick ones (`--quick`)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.backends import BACKENDS
from tests.effort import LONG

_HERE: Final = Path(__file__).parent
_QUICK_FOLDERS: Final = ("rows", "core", "engine", "domains")
_QUICK_BACKENDS: Final = (None, "memory")
"""They need nothing but Python; so do tests that have no backend."""
_LONG_FOLDERS: Final = ("cost", "reliability")
"""What they have is long: calls and bytes of large databases, faults and kills, open-ended input."""
_ONE_OF_EACH_ENGINE: Final = (None, "sqlite", "convex-test")
_MANY: Final = 4
"""A contract test of so many sets of parameters is long on the other two backends, which have the same engines."""


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("mastra_convex")
    group.addoption(
        "--backend",
        action="append",
        default=[],
        metavar="NAME[,NAME]",
        help=f"run the contract tests on these backends, and no other tests; may be repeated ({', '.join(BACKENDS)})",
    )
    group.addoption(
        "--quick",
        action="store_true",
        help="run the tests of rows and of the core, and the contract tests on memory; they need no Node",
    )
    group.addoption(
        "--adapters",
        action="store_true",
        help="run the tests of the adapters and no others; they need tests/adapters/requirements.txt",
    )


def backend_of(item: pytest.Item) -> str | None:
    """The backend of a contract test; None for all other tests."""
    callspec = getattr(item, "callspec", None)
    names = ("backend", "mastra_backend", "remote")
    return next((callspec.params[name] for name in names if callspec and name in callspec.params), None)


def is_left_out(config: pytest.Config, folder: Path) -> bool:
    """Whether this run has no test of a folder."""
    is_ours = folder.parent == _HERE and folder.is_dir()
    if not is_ours:
        return False
    if (folder.name == "adapters") != config.getoption("adapters"):
        return True
    return bool(config.getoption("quick")) and folder.name not in _QUICK_FOLDERS


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests that this run is to have."""
    backends = _chosen_backends(config)
    quick = config.getoption("quick")
    without_long = not LONG and not config.getoption("markexpr")
    sets = Counter(_set_of(item) for item in items)

    def is_long(item: pytest.Item) -> bool:
        repeats = backend_of(item) not in _ONE_OF_EACH_ENGINE and not (quick or backends)
        return (
            item.get_closest_marker("long") is not None
            or _folder(item) in _LONG_FOLDERS
            or (repeats and sets[_set_of(item)] >= _MANY)
        )

    def wanted(item: pytest.Item) -> bool:
        backend, fixtures = backend_of(item), getattr(item, "fixturenames", ())
        return (
            not (without_long and is_long(item))
            and not (not LONG and not backends and _is_for_the_long_setting(item))
            and (not backends or backend in backends)
            and (not quick or (backend in _QUICK_BACKENDS and "host" not in fixtures))
        )

    left_out = [item for item in items if not wanted(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if wanted(item)]
    for item in items:
        if is_long(item):
            item.add_marker(pytest.mark.long)


def _set_of(item: pytest.Item) -> tuple[str, str | None]:
    """A test and its backend, by which its sets of parameters are counted."""
    return item.nodeid.partition("[")[0], backend_of(item)


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(_HERE).parts[0] if _HERE in item.path.parents else ""


def _is_for_the_long_setting(item: pytest.Item) -> bool:
    """Whether a test of reliability is one of the longest, or repeats on a backend what another of its engine tells."""
    is_extra = item.get_closest_marker("long") or backend_of(item) not in _ONE_OF_EACH_ENGINE
    return _folder(item) == "reliability" and bool(is_extra)


def has_all_backends(config: pytest.Config) -> bool:
    """Whether this run is to have the contract tests of every backend."""
    return not _chosen_backends(config) and not config.getoption("quick") and not config.getoption("adapters")


def _chosen_backends(config: pytest.Config) -> set[str]:
    chosen = {name for names in config.getoption("backend") for name in names.split(",")}
    if unknown := chosen - set(BACKENDS):
        raise pytest.UsageError(f"--backend: no such backend: {', '.join(sorted(unknown))}; {', '.join(BACKENDS)} are")
    return chosen

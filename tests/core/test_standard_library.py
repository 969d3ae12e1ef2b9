"""Nothing that Python 3.14 lacks, or that a later version drops, is imported or used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effort import some

REPOSITORY = Path(__file__).parent.parent.parent

_MODULES = """
    aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib
    ossaudiodev pipes pkg_resources smtpd sndhdr spwd sunau telnetlib uu xdrlib
"""
MODULES = frozenset(_MODULES.split())
"""Modules that were removed by Python 3.14, or that do not come with it any more."""

NAMES = {
    "ast": "Num Str Bytes NameConstant Ellipsis",
    "asyncio": "AbstractChildWatcher FastChildWatcher MultiLoopChildWatcher PidfdChildWatcher SafeChildWatcher"
    " ThreadedChildWatcher AbstractEventLoopPolicy DefaultEventLoopPolicy coroutine get_child_watcher get_event_loop"
    " get_event_loop_policy iscoroutinefunction set_child_watcher set_event_loop_policy",
    "codecs": "open",
    "collections.abc": "ByteString",
    "datetime.datetime": "utcfromtimestamp utcnow",
    "importlib": "find_loader",
    "importlib.abc": "ResourceReader Traversable TraversableResources",
    "inspect": "getargspec formatargspec",
    "locale": "resetlocale",
    "pkgutil": "ImpImporter ImpLoader find_loader get_loader",
    "pty": "master_open slave_open",
    "sqlite3": "OptimizedUnicode enable_shared_cache version version_info",
    "typing": "ByteString io re",
    "unittest": "findTestCases getTestCaseNames makeSuite",
    "urllib.parse": "Quoter",
}
"""Names that were removed by Python 3.14 or are deprecated in it."""

GONE = {f"{module}.{name}" for module, names in NAMES.items() for name in names.split()}


def used(source: str) -> Iterator[str]:
    """The modules and dotted names that a program imports or uses."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and (name := ast.unparse(node)).partition(".")[0] not in MODULES:
            yield name  # what is like the name of a module that is gone is a variable, unless that is imported


def gone(source: str) -> set[str]:
    """The names in a program that Python 3.14 lacks or is to lose."""
    return {name for name in used(source) if name in GONE or name.partition(".")[0] in MODULES}


@pytest.mark.parametrize("folder", some(["mastra_convex", "domains", "tests", ".ci"], ["domains", ".ci"]))
def test_all_that_is_used_stays(folder: str) -> None:
    files = list((REPOSITORY / folder).rglob("*.py"))
    found = {path.name: names for path in files if (names := gone(path.read_text(encoding="utf-8")))}
    assert files
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "from importlib.abc import Traversable",
        "import importlib.abc; importlib.abc.Traversable",
        "import asyncio; asyncio.get_event_loop_policy()",
        "import imp",
        "from distutils.version import LooseVersion",
        "from collections.abc import ByteString",
    ],
)
def test_it_is_found(line: str) -> None:
    assert gone(line)

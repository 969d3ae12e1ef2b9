"""Declarations of domains are checked when they are made, at the latest when a store is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConfigurationError, ConvexStore
from mastra_convex.domain import DomainStore, Field, Index, Owner, RetentionTable, Table, VectorIndex, register
from mastra_convex.registry import declared_tables
from tests.cli.commands import REPOSITORY
from tests.effort import some


def declare(**changes: Any) -> Table:
    fields = (Field("id"), Field("threadId"), Field("text"), Field("embedding", "floats"), Field("n", "number"))
    indexes = (Index("by_record_id", ("id",)), Index("by_thread", ("threadId",)))
    return Table(**{"name": "acme_notes", "fields": fields, "indexes": indexes, **changes})


def field(type: Any, **options: Any) -> Field:
    return Field("rating", type, **options)


KEY = Index("by_record_id", ("id",))
TEXTS: list[tuple[Callable[[], object], str]] = [
    (lambda: field("int"), "rating: no type 'int' of a column (there are: any, boolean, floats, number, string, str"),
    (lambda: field("str"), "did you mean 'string'?"),
    (lambda: field("numbers"), "did you mean 'number'?"),
    (lambda: field(str), "rating: no type <class 'str'> of a column"),
    (lambda: field("number", json=True), "rating: JSON text is in a column of type string, not number"),
    (lambda: Index("by_id_", "id"), "index by_id_: fields must be a tuple of str; a tuple of one is written ('id',)"),  # type: ignore[arg-type]
    (lambda: Index("by_id_", ["id"]), "index by_id_: fields must be a tuple of str"),  # type: ignore[arg-type]
    (lambda: declare(fields=[Field("id")]), "acme_notes: fields must be a tuple of Field"),
    (lambda: declare(fields=("id",)), "acme_notes: fields must be a tuple of Field"),
    (lambda: declare(indexes=KEY), "acme_notes: indexes must be a tuple of Index; a tuple of one is written"),
    (
        lambda: declare(indexes=(KEY, Index("by_x", ("threadID",)))),
        "no column for field 'threadID'; did you mean 'threa",
    ),
    (lambda: declare(indexes=(KEY, Index("by_x", ("text.a",)))), "the column 'text' has no members, so no 'text.a'"),
    (lambda: declare(indexes=(KEY, Index("by_x", ("embedding",)))), "'embedding' is a vector"),
    (lambda: declare(key="by_recordid"), "no index 'by_recordid' for the key; did you mean 'by_record_id'?"),
    (
        lambda: declare(owner=Owner("mastra_threads", "by_thred")),
        "no index 'by_thred' for the owner; did you mean 'by_",
    ),
    (
        lambda: declare(indexes=(KEY, Index("by_n", ("n",))), owner=Owner("mastra_threads", "by_n")),
        "'n', the first field of by_n, is no id of an owner",
    ),
    (lambda: declare(vector_indexes=(VectorIndex("v", "text", 3),)), "'text' is no column of floats (there are: embed"),
    (lambda: declare(vector_indexes=(VectorIndex("v", "embeding", 3),)), "did you mean 'embedding'?"),
    (lambda: declare(vector_indexes=(VectorIndex("v", "embedding", 3, ("txt",)),)), "'txt'; did you mean 'text'?"),
    (lambda: VectorIndex("v", "embedding", 3, "id"), "filters must be a tuple of str"),  # type: ignore[arg-type]
    (lambda: RetentionTable(declare(), "created"), "retention by 'created', which is no column"),
    (lambda: RetentionTable(declare(), "treadId"), "did you mean 'threadId'?"),
    (lambda: RetentionTable(declare(), "embedding"), "'embedding', which is neither an ISO time"),
    (lambda: RetentionTable(declare(), "text"), "retention needs an index on 'text' alone"),
    (lambda: RetentionTable("acme_notes", "text"), "a retention table is a Table, not 'acme_notes'"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_what_is_declared_wrongly_is_told_at_once(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make()
    assert text in raised.value.message


def domain(**members: Any) -> type[DomainStore]:
    return type("Notes", (DomainStore,), {"name": "notes", "tables": (declare(),), **members})


DOMAINS: list[tuple[dict[str, Any], str]] = [
    ({"tables": declare()}, "tables must be a tuple of Table, as (NOTES,)"),
    ({"tables": ("acme_notes",)}, "tables must be a tuple of Table"),
    ({"tables": (declare(), declare(name="acme_Notes"))}, "differ by case only"),
    ({"tables": (declare(), declare(fields=(*declare().fields, Field("x"))))}, "two different declarations"),
    ({"retention": [RetentionTable(declare(), "threadId")]}, "retention must be a mapping"),
    ({"retention": {"notes": "threadId"}}, "retention['notes'] must be a RetentionTable"),
    ({"retention": {"notes": RetentionTable(declare(name="acme_note"), "threadId")}}, "did you mean 'acme_notes'?"),
]


@pytest.mark.parametrize(("members", "text"), DOMAINS, ids=[text for _, text in DOMAINS])
def test_a_domain_is_checked_when_its_class_is_made(members: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        domain(**members)
    assert text in raised.value.message


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"name": "prune"}, "no domain can be named 'prune'"),
        ({"name": "no-name"}, "name must be that of an attribute, not 'no-name'"),
        ({"name": None}, "name must be that of an attribute, not None"),
        (
            {"tables": (declare(owner=Owner("mastra_thread", "by_thread")),)},
            "acme_notes: no table 'mastra_thread' for the owner; did you mean 'mastra_threads'?",
        ),
        ({"tables": (declare(owner=Owner("acme_books", "by_thread")),)}, "no table 'acme_books' for the owner"),
    ],
)
def test_a_store_checks_its_domains(members: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        ConvexStore.local(":memory:", domains=[domain(**members)])
    assert text in raised.value.message


def test_a_class_without_a_name_or_tables_is_not_registered() -> None:
    class Nameless(DomainStore):
        pass

    class Tableless(DomainStore):
        name = "tableless"

    with pytest.raises(ConfigurationError, match="name must be"):
        register(Nameless)
    with pytest.raises(ConfigurationError, match="tables is missing"):
        register(Tableless)


async def test_an_owner_need_not_be_in_the_store() -> None:
    owned = declare(owner=Owner("mastra_threads", "by_thread"))
    await ConvexStore.local(":memory:", domains=[domain(tables=(owned,))]).aclose()
    child = declare(name="acme_lines", owner=Owner("acme_notes", "by_thread"))
    await ConvexStore.local(":memory:", domains=[domain(tables=(owned, child))]).aclose()
    assert "mastra_threads" in {table.name for table in declared_tables()}


PLUGINS = {
    "a module that is missing": ("acme_lost", "", "ModuleNotFoundError: No module named 'acme_lost'"),
    "a module that needs another": ("acme_bad", "import acme_needed", "No module named 'acme_needed'"),
    "a module that fails": ("acme_bad", "raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "no such member": ("acme_bad:Notes", "", "AttributeError"),
    "a wrong declaration": (
        "acme_bad",
        "from mastra_convex.domain import Field\nField('rating', 'int')",
        "ConfigurationError: rating: no type 'int' of a column",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", some(PLUGINS, ["no such member"]))
def test_a_plug_in_that_cannot_be_loaded_is_named(tmp_path: Path, name: str) -> None:
    value, code, reason = PLUGINS[name]
    info = tmp_path / "acme_bad-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-bad\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[mastra_convex.domains]\nfeedback = {value}\n")
    (tmp_path / "acme_bad.py").write_text(code)
    environment = {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'domains'}:{tmp_path}", "PATH": ""}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)

    done = run("-m", "mastra_convex", "schema")
    assert (done.returncode, done.stdout) == (1, "")
    *_, line = done.stderr.splitlines()  # old packages may warn before
    assert "the entry point 'feedback' (mastra_convex.domains) of acme-bad 1.2 cannot be loaded from" in line
    assert reason in line
    assert run("-m", "mastra_convex", "--version").returncode == 0
    named = "from mastra_convex import ConvexStore; from mastra_convex_domains import MemoryStore\n"
    assert run("-c", f"{named}ConvexStore.local(':memory:', domains=[MemoryStore])").returncode == 0

"""`mastra-convex init` on projects of all kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from mastra_convex.deploy.convex_schema import schema_ts, with_vector_indexes
from mastra_convex.deploy.scaffold import check_path, scaffold, shipped_functions
from mastra_convex.errors import ConfigurationError, ConflictError, ValidationError
from mastra_convex.registry import declared_tables
from mastra_convex.tables import Table
from tests.cli.commands import REPOSITORY, run

SHIPPED = REPOSITORY / "convex_functions" / "mastra"


@pytest.fixture
def tables() -> list[Table]:
    return declared_tables()


def _shipped_names() -> set[str]:
    return {file.relative_to(SHIPPED).as_posix() for file in SHIPPED.rglob("*.ts")}


def _snapshot(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def test_a_fresh_project_gets_functions_and_schema(tmp_path: Path) -> None:
    done = run("init", tmp_path)

    assert done.returncode == 0
    for name in _shipped_names():
        assert (tmp_path / "convex" / "mastra" / name).read_bytes() == (SHIPPED / name).read_bytes()
    assert "...mastraTables" in (tmp_path / "convex" / "schema.ts").read_text()
    assert "npx convex deploy" in done.stdout
    assert "CONVEX_ADMIN_KEY" in done.stdout
    assert "storage_function" not in done.stdout


def test_vector_indexes_are_chosen_by_options(tmp_path: Path) -> None:
    done = run("init", tmp_path, "--vector-dimensions", "384,1536", "--vector-filter-fields", "group")

    schema = (tmp_path / "convex" / "mastra" / "schema.ts").read_text()
    assert done.returncode == 0
    assert schema == schema_ts(with_vector_indexes(declared_tables(), [384, 1536], filter_fields=["group"]))


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    run("init", tmp_path)
    before = _snapshot(tmp_path)

    done = run("init", tmp_path)

    assert done.returncode == 0
    assert "created" not in done.stdout
    assert _snapshot(tmp_path) == before


def test_an_edited_file_is_kept_unless_forced(tmp_path: Path) -> None:
    run("init", tmp_path)
    edited = tmp_path / "convex" / "mastra" / "storage.ts"
    edited.write_text("// mine\n")

    kept = run("init", tmp_path)
    assert kept.returncode == 1
    assert "kept" in kept.stdout
    assert edited.read_text() == "// mine\n"

    forced = run("init", tmp_path, "--force")
    assert forced.returncode == 0
    assert "overwritten" in forced.stdout
    assert edited.read_bytes() == (SHIPPED / "storage.ts").read_bytes()


def test_an_existing_schema_is_not_changed(tmp_path: Path) -> None:
    schema = tmp_path / "convex" / "schema.ts"
    schema.parent.mkdir()
    schema.write_text('import { defineSchema } from "convex/server";\nexport default defineSchema({});\n')
    before = schema.read_bytes()

    done = run("init", tmp_path, "--force")

    assert done.returncode == 0
    assert schema.read_bytes() == before
    assert 'import { mastraTables } from "./mastra/schema";' in done.stdout
    assert "...mastraTables," in done.stdout


def test_a_schema_of_stock_tables_gets_our_indexes_on_its_own_definitions(tmp_path: Path) -> None:
    schema = tmp_path / "convex" / "schema.ts"
    schema.parent.mkdir()
    schema.write_text('import { mastraThreadsTable } from "@mastra/convex/schema";\n')

    done = run("init", tmp_path, "--path", "mastra_py")

    assert done.returncode == 0
    assert "mastra_threads: mastraThreadsTable" in done.stdout
    assert '.index("by_resource_updated", ["resourceId", "updatedAt"])' in done.stdout
    assert 'from "./mastra_py/schema"' in done.stdout
    assert "...mastraTables" not in done.stdout


def test_lines_that_were_added_are_not_asked_for_again(tmp_path: Path, tables: list[Table]) -> None:
    schema = tmp_path / "convex" / "schema.ts"
    schema.parent.mkdir()
    for text in ("export default {};\n", 'import "@mastra/convex/schema";\n'):
        schema.write_text(text)
        lines = scaffold(tmp_path, tables).schema_lines
        assert lines is not None
        schema.write_text(lines)
        assert scaffold(tmp_path, tables).schema_lines is None


def test_a_schema_in_javascript_counts(tmp_path: Path, tables: list[Table]) -> None:
    schema = tmp_path / "convex" / "schema.js"
    schema.parent.mkdir()
    schema.write_text("export default {};\n")

    result = scaffold(tmp_path, tables)

    assert result.schema == schema
    assert result.schema_lines is not None
    assert not (tmp_path / "convex" / "schema.ts").exists()


def test_another_path_is_part_of_the_function_names(tmp_path: Path) -> None:
    done = run("init", tmp_path, "--path", "agents/mastra_py")

    assert done.returncode == 0
    assert (tmp_path / "convex" / "agents" / "mastra_py" / "storage.ts").is_file()
    assert './agents/mastra_py/schema"' in (tmp_path / "convex" / "schema.ts").read_text()
    assert 'storage_function="agents/mastra_py/storage:handle"' in done.stdout


@pytest.mark.parametrize(
    "path",
    ["", "a-b", "a.b", "../out", "/abs", "a//b", "a/", "actions", "x/actions", "_generated", "_deps", "_system/a"],
)
def test_a_path_that_convex_cannot_use_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="path"):
        check_path(path)


def test_component_lengths() -> None:
    assert check_path("a" * 64) == "a" * 64
    with pytest.raises(ValidationError, match="at most 64"):
        check_path("a" * 65)


def test_a_bad_path_is_a_usage_error(tmp_path: Path) -> None:
    done = run("init", tmp_path, "--path", "actions")

    assert done.returncode == 2
    assert "actions" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_directory_must_exist(tmp_path: Path) -> None:
    done = run("init", tmp_path / "nowhere")

    assert done.returncode == 2
    assert "Invalid value for 'DIR'" in done.stderr


def test_the_stock_handler_is_not_replaced(tmp_path: Path, tables: list[Table]) -> None:
    handler = tmp_path / "convex" / "mastra" / "storage.ts"
    handler.parent.mkdir(parents=True)
    handler.write_text('export { handle } from "@mastra/convex/server";\n')

    done = run("init", tmp_path)

    assert done.returncode == 1
    assert "--path mastra_py" in done.stderr
    assert list(_snapshot(tmp_path)) == ["convex/mastra/storage.ts"]
    with pytest.raises(ConflictError):
        scaffold(tmp_path, tables)
    assert scaffold(tmp_path, tables, path="mastra_py").kept == ()


def test_nothing_is_written_through_links_or_over_other_things(tmp_path: Path, tables: list[Table]) -> None:
    linked, blocked, folder = tmp_path / "linked", tmp_path / "blocked", tmp_path / "folder"
    for project in (linked, blocked, folder):
        project.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (linked / "convex").symlink_to(elsewhere)
    (blocked / "convex").write_text("a file")
    (folder / "convex" / "schema.ts").mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="symbolic link"):
        scaffold(linked, tables)
    with pytest.raises(ConfigurationError, match="in the way"):
        scaffold(blocked, tables)
    with pytest.raises(ConfigurationError, match="in the way"):
        scaffold(folder, tables, force=True)
    assert list(elsewhere.iterdir()) == []
    assert not (folder / "convex" / "mastra").exists()
    assert run("init", linked).returncode == 1


def test_the_shipped_functions_are_found() -> None:
    assert (shipped_functions() / "storage.ts").is_file()

"""`mastra-convex init` on projects of all kinds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mastra_convex.deploy.convex_schema import schema_ts, with_vector_indexes
from mastra_convex.deploy.manifest import MANIFEST, digest, written_before
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
    edited = tmp_path / "convex" / "mastra" / "lib" / "cursors.ts"
    edited.write_text("// mine\n" + edited.read_text())

    kept = run("init", tmp_path)
    assert kept.returncode == 1
    assert f"unchanged   {len(_shipped_names()) - 1} files" in kept.stdout
    assert f"kept        {edited}\n            +1 -0 lines, compared with ours:" in kept.stdout
    assert "+// mine" in kept.stdout
    assert "npx convex deploy" not in kept.stdout
    assert len(kept.stdout.splitlines()) < 12
    assert edited.read_text().startswith("// mine\n")

    command = kept.stdout.splitlines()[-1].split()
    assert command[0] == "mastra-convex"
    forced = run(*command[1:])
    assert forced.returncode == 0
    assert "overwritten" in forced.stdout
    assert "npx convex deploy" in forced.stdout
    assert edited.read_bytes() == (SHIPPED / "lib" / "cursors.ts").read_bytes()


OLDER = REPOSITORY / "tests" / "cli" / "functions_0_1_0"
"""Some of the files that 0.1.0 wrote, which wrote no manifest. Two of them have other names now."""


def _written_by_0_1_0(project: Path, path: str = "mastra") -> Path:
    """A project as 0.1.0 left it, as far as its files differ from those of now; and one file that is not ours."""
    folder = project / "convex" / path
    shutil.copytree(OLDER, folder)
    (folder / "lib" / "mine.ts").write_text("export const mine = 1;\n")
    (folder / "schema.ts").write_text(schema_ts(declared_tables(), version="0.1.0"))
    return folder


def _fresh(project: Path, *options: str) -> dict[str, bytes]:
    project.mkdir()
    assert run("init", project, *options).returncode == 0
    return _snapshot(project)


def test_the_older_files_are_those_that_are_known(tmp_path: Path) -> None:
    known = written_before(tmp_path, [])
    assert {name: digest(content) for name, content in _snapshot(OLDER).items()}.items() <= known.items()
    assert not {name for name, content in _snapshot(OLDER).items() if digest(content) == digest(_ours(name))}


def _ours(name: str) -> bytes:
    return (SHIPPED / name).read_bytes() if (SHIPPED / name).exists() else b""


def test_files_of_0_1_0_that_nobody_edited_are_brought_to_this_version(tmp_path: Path) -> None:
    project = tmp_path / "project"
    folder = _written_by_0_1_0(project)

    done = run("init", project)

    assert done.returncode == 0
    assert f"updated     {folder / 'lib' / 'errors.ts'}" in done.stdout
    assert f"removed     {folder / 'lib' / 'siblings.ts'}" in done.stdout
    assert "npx convex deploy" in done.stdout
    expected = {**_fresh(tmp_path / "fresh"), "convex/mastra/lib/mine.ts": b"export const mine = 1;\n"}
    assert _snapshot(project) == expected


@pytest.mark.parametrize("name", ["errors.ts", "siblings.ts"])
def test_files_of_0_1_0_that_were_edited_are_kept(tmp_path: Path, name: str) -> None:
    edited = _written_by_0_1_0(tmp_path) / "lib" / name
    edited.write_bytes(edited.read_bytes() + b"// mine\n")

    for _ in range(2):  # the first of them writes the manifest
        done = run("init", tmp_path)
        assert done.returncode == 1
        assert f"kept        {edited}" in done.stdout
        assert "Next:" not in done.stdout
        assert edited.read_bytes().endswith(b"// mine\n")

    edited.write_bytes(edited.read_bytes().removesuffix(b"// mine\n"))
    assert run("init", tmp_path).returncode == 0
    assert _snapshot(tmp_path)["convex/mastra/lib/errors.ts"] == (SHIPPED / "lib" / "errors.ts").read_bytes()
    assert edited.exists() is (name == "errors.ts")


def test_files_with_the_line_ends_of_windows_count_as_not_edited(tmp_path: Path) -> None:
    folder = _written_by_0_1_0(tmp_path)
    for file in folder.rglob("*.ts"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    assert run("init", tmp_path).returncode == 0
    assert (folder / "lib" / "errors.ts").read_bytes() == (SHIPPED / "lib" / "errors.ts").read_bytes()
    assert not (folder / "lib" / "siblings.ts").exists()


def test_a_manifest_tells_what_an_earlier_version_wrote(tmp_path: Path) -> None:
    run("init", tmp_path)
    folder = tmp_path / "convex" / "mastra"
    older = {"lib/sweep.ts": b"// of the version before\n", "lib/gone.ts": b"// no more\n", "lib/cursors.ts": b"// a\n"}
    manifest = folder / MANIFEST
    hashes = json.loads(manifest.read_text())["files"]
    for name, content in older.items():
        (folder / name).write_bytes(content)
        hashes[name] = digest(content)
    manifest.write_text(json.dumps({"files": hashes}))
    (folder / "lib" / "cursors.ts").write_text("// edited\n")

    states = {file.path.name: file.state for file in scaffold(tmp_path, declared_tables()).files}

    assert {name: states.pop(name) for name in ("sweep.ts", "gone.ts", "cursors.ts")} == {
        "sweep.ts": "updated",
        "gone.ts": "removed",
        "cursors.ts": "kept",
    }
    assert set(states.values()) == {"unchanged"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"files": 1}', "<<<<<<< HEAD"])
def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    run("init", tmp_path)
    (tmp_path / "convex" / "mastra" / MANIFEST).write_text(text)

    done = run("init", tmp_path)

    assert done.returncode == 1
    assert MANIFEST in done.stderr
    assert "delete it" in done.stderr


@pytest.mark.parametrize("has_manifest", [True, False])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_options_of_the_first_run_stay(tmp_path: Path, force: tuple[str, ...], has_manifest: bool) -> None:
    options = ("--path", "agents/py", "--vector-dimensions", "384,768", "--vector-filter-fields", "group,user.id")
    project = tmp_path / "project"
    expected = _fresh(project, *options)
    folder = project / "convex" / "agents" / "py"
    if not has_manifest:
        (folder / MANIFEST).unlink()
    schema = (folder / "schema.ts").read_text()

    done = run("init", project, *force)

    assert done.returncode == 0
    assert _snapshot(project) == expected
    assert (folder / "schema.ts").read_text() == schema
    assert "export CONVEX_STORAGE_FUNCTION=agents/py/storage:handle" in done.stdout


def test_an_option_that_is_given_again_counts(tmp_path: Path) -> None:
    run("init", tmp_path, "--vector-dimensions", "384", "--vector-filter-fields", "group")

    assert run("init", tmp_path, "--vector-dimensions", "768").returncode == 0
    assert run("init", tmp_path, "--vector-filter-fields", "").returncode == 0

    schema = (tmp_path / "convex" / "mastra" / "schema.ts").read_text()
    assert schema == schema_ts(with_vector_indexes(declared_tables(), [768]))


def test_several_folders_must_be_told_apart(tmp_path: Path) -> None:
    run("init", tmp_path)
    run("init", tmp_path, "--path", "mastra_py")

    done = run("init", tmp_path)

    assert done.returncode == 1
    assert "--path" in done.stderr
    assert "mastra, mastra_py" in done.stderr
    assert run("init", tmp_path, "--path", "mastra_py").returncode == 0


def test_without_a_directory_it_takes_the_present_one(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    assert _snapshot(tmp_path) == _fresh(tmp_path.with_name("fresh"))


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
    assert "export CONVEX_STORAGE_FUNCTION=agents/mastra_py/storage:handle" in done.stdout


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

"""The command itself: version, schema, and what it says without its extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mastra_convex.deploy.convex_schema import index_lines_ts, schema_ts, with_vector_indexes
from mastra_convex.registry import declared_tables
from tests.cli.commands import REPOSITORY, environment, run


def test_the_schema_is_the_committed_file() -> None:
    done = run("schema")

    assert done.returncode == 0
    assert done.stdout.encode() == (REPOSITORY / "convex_functions" / "mastra" / "schema.ts").read_bytes()


def test_the_lines_for_stock_tables() -> None:
    assert run("schema", "--indexes").stdout == index_lines_ts(declared_tables())


def test_the_lines_for_functions_at_another_path() -> None:
    done = run("schema", "--indexes", "--path", "mastra_py")
    assert done.stdout == index_lines_ts(declared_tables(), path="mastra_py")
    assert 'from "./mastra_py/schema"' in done.stdout


def test_vector_indexes_by_options() -> None:
    done = run("schema", "--vector-dimensions", "384, 768", "--vector-filter-fields", "group")

    tables = with_vector_indexes(declared_tables(), [384, 768], filter_fields=["group"])
    assert done.stdout == schema_ts(tables)


@pytest.mark.parametrize(("dimensions", "code"), [("many", 2), ("", 2), ("1", 1), ("2,3,4,5,6", 1)])
def test_dimensions_that_are_refused(dimensions: str, code: int) -> None:
    assert run("schema", "--vector-dimensions", dimensions).returncode == code


def test_version() -> None:
    done = run("--version")

    assert done.returncode == 0
    assert done.stdout.startswith("mastra-convex ")


@pytest.mark.parametrize("command", [(), ("init",), ("dev",), ("schema",), ("demo",), ("prune",), ("doctor",)])
def test_help(command: tuple[str, ...]) -> None:
    done = run(*command, "--help")

    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_the_text_of_a_help_is_wrapped_once() -> None:
    assert (
        "and their version, tables and indexes, what the key may do, the clock, the" in run("doctor", "--help").stdout
    )


@pytest.mark.parametrize("command", ["doctor", "dev", "prune", "demo"])
def test_a_file_has_the_same_option_everywhere(command: str) -> None:
    words = run(command, "--help").stdout.split()
    assert "--file" in words
    assert not {"--path", "--local", "--store"} & set(words)


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run("destroy").returncode == 2


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_it_says_what_to_install(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from mastra_convex.cli import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "pip install 'mastra-convex[cli]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.long
def test_a_closed_pipe_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mastra_convex", "schema"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_a_command_loads_no_http_client() -> None:
    """It is slow to import, and most commands need none."""
    program = "import sys, mastra_convex.cli.app; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], env=environment(), check=False).returncode == 0

"""A store in FastAPI, in a notebook and with uvloop, as docs/guide.md shows; and the JSON of what methods return."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from mastra_convex import ConvexStore, PruneResult
from mastra_convex_domains import (
    DocumentPage,
    IndexDescription,
    MessagePage,
    ScorePage,
    ThreadClone,
    ThreadPage,
    WorkflowRunPage,
)
from tests.backends import KEY, all_tables, remote_store
from tests.cli.commands import environment
from tests.data import messages, thread

ROOT = Path(__file__).parents[2]
ANSWERS = (
    DocumentPage,
    IndexDescription,
    MessagePage,
    PruneResult,
    ScorePage,
    ThreadClone,
    ThreadPage,
    WorkflowRunPage,
)


def names(value: Any) -> Iterator[str]:
    """The names of all members of a JSON value."""
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names(part)


def guide(language: str) -> list[str]:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_the_json_of_an_answer_is_in_one_case(model: Any) -> None:
    def described(mode: Any) -> list[str]:
        return list(model.model_json_schema(mode=mode)["properties"])

    assert all("_" not in name for mode in ("serialization", "validation") for name in described(mode))


async def test_a_page_in_json_and_back(store: ConvexStore) -> None:
    await store.memory.save_thread(thread("t1"))
    await store.memory.save_messages(messages(3, thread_id="t1"))
    for page in (await store.memory.list_threads(), await store.memory.list_messages("t1")):
        text = page.model_dump_json(by_alias=True)
        assert type(page).model_validate_json(text) == page
        dumped = page.model_dump()
        assert {"per_page", "has_more"} <= dumped.keys()
        assert type(page).model_validate(dumped) == page


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Runs the application of the guide as its users do; the lifespan ends with the context."""
    command = [sys.executable, "-m", "uvicorn", "docs.examples.web:app", "--port", "0"]
    variables = environment(PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            log: list[str] = []
            for line in process.stderr:
                log.append(line)
                if found := re.search(r"running on (http://\S+)", line):
                    yield found[1]
                    break
            else:
                raise AssertionError("".join(log))
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert "Application shutdown complete" in rest
    assert "Traceback" not in rest


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as response:
        return json.load(response)


@pytest.mark.long
def test_fastapi(tmp_path: Path) -> None:
    for n in range(2):  # the application is started again on the same file
        with served(tmp_path) as url:
            saved = call(f"{url}/threads", {"id": f"t{n}", "resourceId": "user-1", "title": "A talk"})
            assert saved["resourceId"] == "user-1"
            page = call(f"{url}/threads?resource_id=user-1")
            assert page["total"] == n + 1
            assert {"perPage", "hasMore", "createdAt", "resourceId"} <= set(names(page))
            assert not [name for name in names(page) if "_" in name]
            found = call(f"{url}/threads/t{n}/messages")
            assert found == {"total": 0, "page": 0, "perPage": 40, "hasMore": False, "messages": []}
            described = call(f"{url}/openapi.json")["components"]["schemas"]["ThreadPage"]["properties"]
            assert list(described) == ["total", "page", "perPage", "hasMore", "threads"]


def test_the_guide_shows_the_application() -> None:
    code = (ROOT / "docs" / "examples" / "web.py").read_text(encoding="utf-8")
    assert guide("py")[0] in code


def test_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell runs as in IPython, whose kernel in Jupyter keeps one event loop for all cells."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "settings"))
    [cells] = guide("ipython")
    make_shell: Any = InteractiveShell  # it is not typed
    shell = make_shell()

    async def run_cell(cell: str) -> Any:
        return await shell.run_cell_async(cell, transformed_cell=shell.transform_cell(cell))

    async def run() -> list[Any]:
        results = [await run_cell(cell) for cell in cells.split("\n\n")]
        for result in results:
            result.raise_error()
        return [result.result for result in results]

    with asyncio.Runner() as runner:
        answers = runner.run(run())
    assert answers[2] == ["A notebook"]
    shell.history_manager.end_session()


@pytest.mark.parametrize("backend", ["sqlite", "server"])
def test_uvloop(tmp_path: Path, backend: str) -> None:
    import uvloop  # noqa: PLC0415

    from mastra_convex.server import serve_file  # noqa: PLC0415

    async def use(store: ConvexStore) -> int | None:
        async with store:
            await asyncio.gather(*(store.memory.save_messages(messages(50, thread_id=f"t{n}")) for n in range(8)))
            return (await store.memory.list_messages([f"t{n}" for n in range(8)])).total

    async def main() -> int | None:
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        if backend == "sqlite":
            return await use(ConvexStore.local(tmp_path / "agent.db"))
        from mastra_convex.remote.secret import Secret  # noqa: PLC0415

        async with serve_file(":memory:", all_tables(), Secret(KEY), host="127.0.0.1", port=0) as server:
            return await use(remote_store(server.url, None))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == 400

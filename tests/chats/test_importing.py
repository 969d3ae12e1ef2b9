"""Imports of conversations: each format by a small file of its shape, and damaged files."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.chats import documents, import_chat
from tests.cli.commands import COMMAND, environment, run
from tests.effort import effort, some_backends
from tests.memory import PEAK_KIB

CHATGPT = [
    {
        "id": "c1",
        "title": "Trip",
        "create_time": 1760000000.5,
        "current_node": "n3",
        "mapping": {
            "n0": {"id": "n0", "parent": None, "children": ["n1"], "message": None},
            "n1": {
                "parent": "n0",
                "children": ["n2", "n3"],
                "message": {
                    "id": "n1",
                    "author": {"role": "user"},
                    "create_time": 1760000001,
                    "content": {"content_type": "text", "parts": ["Hello"]},
                    "novel": 7,
                },
            },
            "n2": {"parent": "n1", "children": [], "message": None},
            "n3": {
                "parent": "n1",
                "children": [],
                "message": {
                    "id": "n3",
                    "author": {"role": "assistant"},
                    "create_time": None,
                    "content": {"content_type": "text", "parts": ["Hi"]},
                },
            },
        },
    }
]
_CALL = {"type": "tool_use", "id": "t1", "name": "look", "input": {"q": 1}}
_RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "found"}
_THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
CLAUDE = [
    {
        "uuid": "u1",
        "name": "Trip",
        "created_at": "2026-01-01T00:00:00.000001Z",
        "chat_messages": [
            {"uuid": "m1", "sender": "human", "text": "Hello", "created_at": "2026-01-01T00:00:01Z", "novel": 7},
            {"uuid": "m2", "sender": "assistant", "content": [_THOUGHT, _CALL, _RESULT]},
        ],
    }
]
_SESSION = {"sessionId": "s", "timestamp": "2026-01-01T00:00:00Z"}
CLAUDE_CODE = [
    {"type": "user", "uuid": "a", **_SESSION, "message": {"role": "user", "content": "Hello"}, "novel": 7},
    {"type": "assistant", "uuid": "b", **_SESSION, "message": {"role": "assistant", "content": [_THOUGHT, _CALL]}},
    {"type": "user", "uuid": "c", **_SESSION, "message": {"role": "user", "content": [_RESULT]}},
    {"type": "progress", **_SESSION},
]
_FUNCTION = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
OPENAI = [
    {"role": "user", "content": "Hello", "novel": 7},
    {"role": "assistant", "content": None, "tool_calls": [_FUNCTION]},
    {"role": "tool", "tool_call_id": "t1", "content": "found"},
]
RESPONSES = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}], "novel": 7},
    {"type": "function_call", "call_id": "t1", "name": "look", "arguments": '{"q": 1}'},
    {"type": "function_call_output", "call_id": "t1", "output": "found"},
]
SHAREGPT = [
    {"id": "x", "conversations": [{"from": "human", "value": "Hello", "novel": 7}, {"from": "gpt", "value": "Hi"}]}
]
_TOOL_CALL = {"name": "look", "args": {"q": 1}, "id": "t1"}
LANGCHAIN = [
    {"type": "human", "data": {"content": "Hello", "novel": 7}},
    {"type": "ai", "data": {"content": "", "tool_calls": [_TOOL_CALL]}},
    {"type": "tool", "data": {"content": "found", "tool_call_id": "t1"}},
]
_INVOCATION = {"toolCallId": "t1", "toolName": "look", "args": {"q": 1}, "state": "result", "result": "found"}
MASTRA = [
    {"role": "user", "content": {"format": 2, "parts": [{"type": "text", "text": "Hello"}]}, "novel": 7},
    {
        "id": "m2",
        "role": "assistant",
        "createdAt": "2026-01-01T00:00:00Z",
        "content": {"format": 2, "parts": [{"type": "tool-invocation", "toolInvocation": _INVOCATION}]},
    },
]
OWN = [
    {"resource": "r", "thread": "t", "role": "user", "text": "Hello", "time": "2026-01-01T00:00:00Z", "novel": 7},
    {"resource": "r", "thread": "t", "role": "assistant", "text": "Hi", "time": "2026-01-01T00:00:00Z"},
]
FILES = {
    "ChatGPT export": CHATGPT,
    "Claude export": CLAUDE,
    "Claude Code session": CLAUDE_CODE,
    "OpenAI messages": OPENAI,
    "OpenAI Responses items": RESPONSES,
    "ShareGPT": SHAREGPT,
    "LangChain messages": LANGCHAIN,
    "Mastra messages": MASTRA,
    "lines of mastra-convex": OWN,
}
WITH_TOOLS = FILES.keys() - {"ChatGPT export", "ShareGPT", "lines of mastra-convex"}


def _lines(values: list[Any]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


async def _messages(store: ConvexStore) -> list[Any]:
    page = await store.memory.list_threads()
    return [message for thread in page.threads async for message in store.memory.iter_messages(thread.id)]


@some_backends("sqlite", "convex-test")
@pytest.mark.parametrize("name", FILES)
async def test_each_format_arrives_whole_and_once(store: ConvexStore, tmp_path: Path, name: str) -> None:
    path = tmp_path / "chat"
    path.write_text(json.dumps(FILES[name]))
    report = await import_chat(store, path, resource_id="r")
    assert (report.format, report.threads, report.known, list(report.errors)) == (name, 1, 0, [])
    first = await _messages(store)
    assert len(first) == report.new
    assert [first[0].role, first[0].text, first[1].role] == ["user", "Hello", "assistant"]
    assert '"novel":7' in first[0].model_dump_json(), "unknown members are kept"
    if name in WITH_TOOLS:
        [call] = [part["toolInvocation"] for part in first[1].content["parts"] if part["type"] == "tool-invocation"]
        assert (call["toolName"], call["args"], call["result"]) == ("look", {"q": 1}, "found")
    again = await import_chat(store, path, resource_id="r")
    assert (again.new, again.known) == (0, report.new)
    assert await _messages(store) == first


async def test_a_summary_before_a_session_is_its_title(store: ConvexStore, tmp_path: Path) -> None:
    path = tmp_path / "chat"
    path.write_text(_lines([{"type": "summary", "summary": "A trip", "leafUuid": "c"}, *CLAUDE_CODE]))
    await import_chat(store, path)
    [thread] = (await store.memory.list_threads()).threads
    assert (thread.title, len(thread.metadata["imported"]["lines"])) == ("A trip", 2)


async def test_a_response_of_openai_and_what_it_answers(store: ConvexStore, tmp_path: Path) -> None:
    path = tmp_path / "chat"
    path.write_text(json.dumps({"object": "response", "input": RESPONSES[:1], "output": RESPONSES[1:2], "model": "m"}))
    report = await import_chat(store, path)
    assert (report.format, report.new) == ("OpenAI Responses items", 2)
    [thread] = (await store.memory.list_threads()).threads
    assert thread.metadata["imported"]["model"] == "m"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
async def test_lines_in_other_encodings(store: ConvexStore, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "chat"
    path.write_bytes('{"messages": [{"role": "user", "content": "Zürich"}]}\n'.encode(encoding))
    await import_chat(store, path)
    assert [message.text for message in await _messages(store)] == ["Zürich"]


async def test_a_zip_and_dialogues_with_the_same_ids(store: ConvexStore, tmp_path: Path) -> None:
    other = [{**CHATGPT[0], "id": "c2"}]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("conversations-000.json", json.dumps(CHATGPT))
        archive.writestr("conversations-001.json", json.dumps(other))
        archive.writestr("user.json", "{}")
    path = tmp_path / "export.zip"
    path.write_bytes(packed.getvalue())
    report = await import_chat(store, path)
    assert (report.threads, report.new) == (2, 4)


@pytest.mark.parametrize("name", ["OpenAI messages", "ShareGPT", "lines of mastra-convex"])
async def test_files_that_begin_alike_hide_nothing_of_each_other(store: ConvexStore, tmp_path: Path, name: str) -> None:
    text = json.dumps(FILES[name])
    changed = {"OpenAI messages": ("found", "else"), "ShareGPT": ("Hi", "else")}.get(name, ("Hello", "else"))
    for number, each in enumerate((text, text.replace(*changed))):
        path = tmp_path / str(number)
        path.write_text(each)
        assert (await import_chat(store, path)).new > 0
    assert any("else" in message.model_dump_json() for message in await _messages(store))


async def test_a_line_that_is_cut_off_hides_no_other(store: ConvexStore, tmp_path: Path) -> None:
    path = tmp_path / "chat"
    path.write_text(_lines(CLAUDE_CODE) + '{"type": "user", "mess')
    report = await import_chat(store, path)
    assert (report.new, list(report.errors)) == (3, ["line 5: not JSON"])


@pytest.mark.parametrize("raw", [b"", b"PK\3\4broken", b"\x89PNG\r\n\x1a\n", b"{}", b"[1, 2]", b"null", b"[" * 100_000])
async def test_other_files_are_refused_in_one_line(store: ConvexStore, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "chat"
    path.write_bytes(raw)
    with pytest.raises(ValidationError) as caught:
        await import_chat(store, path)
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_the_command_tells_at_most_ten_errors(tmp_path: Path) -> None:
    path = tmp_path / "chat"
    path.write_text(_lines(OWN) + "broken\n" * 50)
    done = run("import-chat", path, "--file", tmp_path / "agent.db")
    assert done.returncode == 1
    assert done.stdout == "lines of mastra-convex: 1 thread, messages: 2 new, 0 known\n"
    assert done.stderr.count("not JSON") == 10
    assert "50 could not be imported." in done.stderr


@pytest.mark.long
def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "import-chat", "-", "--file", tmp_path / "agent.db"],
        input=json.dumps(SHAREGPT), env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ShareGPT: 1 thread, messages: 2 new, 0 known\n"
    missing = run("import-chat", "nowhere.json", "--file", tmp_path / "agent.db")
    assert missing.returncode == 2
    assert "there is no file 'nowhere.json'" in missing.stderr


async def test_pictures_of_a_chatgpt_export(store: ConvexStore, tmp_path: Path) -> None:
    pointers = [{"content_type": "image_asset_pointer", "asset_pointer": f"file-service://file-{id}"} for id in "AB"]
    mapping = {"n": {"message": {"content": {"content_type": "multimodal_text", "parts": ["Look", *pointers]}}}}
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conversations.json", json.dumps([{"id": "c", "mapping": mapping}]))
        archive.writestr("images/file-A-cat.png", b"\x89PNG")
    await import_chat(store, path)
    [message] = await _messages(store)
    said, shown, missing = message.content["parts"]
    assert said["text"] == "Look"
    assert (shown["type"], shown["data"], shown["filename"]) == (
        "file",
        "data:image/png;base64,iVBORw==",
        "file-A-cat.png",
    )
    assert missing == {"type": "data-image_asset_pointer", "data": pointers[1]}
    assert message.content["metadata"]["imported"]["parts"] == [{"index": 1, **pointers[0]}]


@pytest.mark.parametrize("indent", [None, 2])
async def test_an_array_that_is_cut_off(store: ConvexStore, tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "chat"
    whole = json.dumps(SHAREGPT * 3, indent=indent)
    path.write_text(whole[: len(whole) - 20])
    report = await import_chat(store, path)
    assert (report.threads, list(report.errors)) == (2, ["item 3: cut off, or not JSON"])


@pytest.mark.parametrize(
    ("text", "is_held"),
    [
        (json.dumps(CHATGPT * 3, indent=1), False),
        ("\n".join(json.dumps(each) for each in SHAREGPT * 3), False),
        ("\n".join(json.dumps(line) for line in CLAUDE_CODE), True),
        ("\n".join(json.dumps(line) for line in OWN), True),
        (json.dumps({"loglines": CLAUDE_CODE}, indent=1), True),
        (json.dumps(LANGCHAIN, indent=1), True),
        (json.dumps(SHAREGPT[0]), True),
    ],
)
async def test_what_is_held_whole_is_bounded(
    store: ConvexStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, is_held: bool
) -> None:
    monkeypatch.setattr(documents, "MAX_HELD", len(text) - 1)
    monkeypatch.setattr(documents, "_CHUNK", 16)
    path = tmp_path / "chat"
    path.write_text(text)
    if is_held:
        with pytest.raises(ValidationError, match="belong together"):
            await import_chat(store, path)
        assert await _messages(store) == []
    else:
        assert (await import_chat(store, path)).errors == []


async def test_a_file_of_another_format_than_named_is_refused(store: ConvexStore, tmp_path: Path) -> None:
    path = tmp_path / "chat"
    path.write_text(json.dumps([*SHAREGPT, *CLAUDE]))
    with pytest.raises(ValidationError, match="this is not Claude export; it was taken for ShareGPT"):
        await import_chat(store, path, format="Claude export")
    assert await _messages(store) == []
    report = await import_chat(store, path, format="ShareGPT")
    assert list(report.errors) == ["item 2: this is not ShareGPT; it was taken for Claude export"]


WORDS = sorted({*re.findall(r'"([a-z_A-Z]+)"', json.dumps(list(FILES.values()))), "tool", "n1", "2026-01-01"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)


def places(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """The ways to all members and items of a JSON value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*above, key)
        yield from places(value[key], *above, key)


async def imported_or_refused(store: ConvexStore, path: Path) -> None:
    """Imports a file; what cannot be is told in lines, by an error of ours or in the report."""
    try:
        report = await import_chat(store, path)
    except ValidationError as error:
        said = [str(error)]
    else:
        said = list(report.errors)
        assert report.new or report.known or report.threads or said
    assert all("\n" not in line for line in said)


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
async def test_anything_in_any_place_is_imported_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "chat"
    async with ConvexStore.local(":memory:") as store:
        for *way, last in places(FILES[name]):
            for wrong in (None, True, 7, 1e300, "x", "\ud800", [], ["x"], [[1]], {}, {"type": "text"}):
                value = deepcopy(FILES[name])
                inner: Any = value
                for key in way:
                    inner = inner[key]
                inner[last] = wrong
                path.write_text(json.dumps(value))
                await imported_or_refused(store, path)


@pytest.mark.long
@example(value=[{"role": "user", "content": "\ud800"}], as_lines=False)
@example(value=[{"from": "human", "value": 1e400}], as_lines=True)
@given(value=JSON, as_lines=st.booleans())
@settings(max_examples=300, deadline=None)
async def test_any_json_is_imported_or_refused_in_one_line(value: Any, as_lines: bool) -> None:
    text = _lines(value) if as_lines and isinstance(value, list) else json.dumps(value)
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        async with ConvexStore.local(":memory:") as store:
            await imported_or_refused(store, Path(file.name))


PROGRAM = f"""
import asyncio, sys
from mastra_convex import ConvexStore
from mastra_convex.adapters.chats import documents, import_chat

async def main():
    async with ConvexStore.local(sys.argv[2]) as store:
        report = await import_chat(store, sys.argv[1])
    print(report.threads, {PEAK_KIB})

asyncio.run(main())
"""


@pytest.mark.long
def test_the_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks: list[int] = []
    for conversations in (20, effort(80, 200)):  # of 1 MiB each
        path = tmp_path / f"{conversations}.json"
        with path.open("w") as file:
            for n in range(conversations):
                turns = [{"from": "human", "value": f"{n} {turn} " + "word " * 2_000} for turn in range(100)]
                file.write("," if n else "[")
                json.dump({"id": n, "conversations": turns}, file)
            file.write("]")
        command = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / f"{conversations}.db")]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        threads, peak = map(int, done.stdout.split())
        assert threads == conversations
        peaks.append(peak >> 10)
    print(f"peak RSS in MiB: {peaks}")
    assert peaks[1] - peaks[0] < 30

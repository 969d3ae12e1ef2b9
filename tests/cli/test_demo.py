"""`mastra-convex demo` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import COMMAND, REPOSITORY, environment, run

pytestmark = pytest.mark.long  # the README's other command runs the demo

SAMPLE = REPOSITORY / "mastra_convex" / "cli" / "demo" / "sample.jsonl"
SECTIONS = (
    "1. Threads of mara-bakery",
    "2. Latest page of",
    "3. One message with 2 before and 2 after",
    "4. Working memory of mara-bakery, before and after an update",
    "5. A clone of the thread",
    "6. A workflow that outlives its process, resumed by one of several",
    "7. Runs by status",
    "8. Observational memory of the thread",
    "9. A schedule that has come due, fired by one of several",
    "10. A run whose process is killed, taken over by one of several",
    "11. Scores of",
    "12. What mara-bakery said before that is near a question",
    "13. A composite: memory and scores in different files",
    "14. A trace: what this demo did, and when",
    "15. The same data, read by a new process",
    "16. Two processes: one writes, one is told",
)


def _line(**changes: Any) -> str:
    line = {"resource": "r", "thread": "t", "role": "user", "text": "Hi", "time": "2026-01-02T03:04:05Z"}
    return json.dumps({**line, **changes}, ensure_ascii=False)


async def _contents(path: Path) -> dict[str, list[Any]]:
    """Every row of the store, times included."""
    async with ConvexStore.local(path) as store:
        threads = [thread async for thread in store.memory.iter_threads()]
        messages = [m for thread in threads async for m in store.memory.iter_messages(thread.id)]
        owners = sorted({thread.resource_id for thread in threads})
        resources = [await store.memory.get_resource_by_id(owner) for owner in owners]
        runs = (await store.workflows.list_workflow_runs()).runs
        vectors = await store.vector.query("demo_messages", filter={}, top_k=1_000, include_vector=True)
    async with ConvexStore.local(path.with_name(f"{path.stem}-scores.db")) as store:
        scores = [(await store.scores.list_scores_by_run_id(thread.id, per_page=False)).scores for thread in threads]
    return {
        "threads": threads,
        "messages": messages,
        "resources": resources,
        "runs": runs,
        "scores": scores,
        "vectors": vectors,
    }


def test_it_leaves_nothing_and_needs_only_ascii(tmp_path: Path) -> None:
    done = run("demo", TMPDIR=str(tmp_path), PYTHONUTF8="0", PYTHONIOENCODING="ascii")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.isascii()
    assert "+----" in done.stdout
    for section in SECTIONS:
        assert section in done.stdout
    assert "167/167 messages" in done.stdout
    assert "167 messages imported; 8 threads" in done.stdout
    assert "NO" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
async def test_pages_of_all_of_it_are_served_at_the_end(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "demo", "--view"), stdout=asyncio.subprocess.PIPE, env=environment(TMPDIR=str(tmp_path))
    )
    assert process.stdout is not None
    try:
        told = [line.decode().strip() async for line in _until_link(process.stdout)]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.get(told[-1]) as answer:
                home = await answer.text()
            async with session.get(answer.url.with_path("/scores")) as answer:
                scores = await answer.text()
    finally:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0

    for path in ("/threads", "/resources", "/runs", "/scores", "/traces", "/vectors", "/schedules", "/observations"):
        assert f'href="{path}"' in home
    assert "<polyline" in scores  # of the second file


async def _until_link(lines: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    async for line in lines:
        yield line
        if line.startswith(b"http"):
            return


def _section(output: str, number: int, following: int) -> str:
    """What the demo printed from one heading to another."""
    return output.partition(f"\n{number}. ")[2].partition(f"\n{following}. ")[0]


@dataclass
class Twice:
    """The demo run twice on one store: what it printed, and what the store held after each run."""

    first: str
    before: dict[str, list[Any]]
    second: str
    after: dict[str, list[Any]]


@pytest.fixture(scope="module")
async def twice(tmp_path_factory: pytest.TempPathFactory) -> Twice:
    store = tmp_path_factory.mktemp("twice") / "agent.db"
    first = run("demo", "--file", store)
    before = await _contents(store)
    second = run("demo", "--file", store)
    assert (first.returncode, second.returncode) == (0, 0)
    return Twice(first.stdout, before, second.stdout, await _contents(store))


def test_a_second_import_changes_nothing(twice: Twice) -> None:
    assert "0 messages imported, 167 were there already; 8 threads" in twice.second
    assert "cloned by an earlier run" in twice.second
    assert twice.after == twice.before
    assert len(twice.before["threads"]) == 9
    assert len(twice.before["runs"]) == 10
    assert sum(map(len, twice.before["scores"])) == 12
    assert len(twice.before["vectors"]) == 167


def test_one_of_several_processes_resumes_the_workflow(twice: Twice) -> None:
    first, again = (_section(output, 6, 7) for output in (twice.first, twice.second))

    [winner] = re.findall(r"(\d+) +│ resumed and finished it", first)
    [begun] = re.findall(r"(\d+) +│ began it, suspended it, and ended", first)
    assert winner != begun
    assert first.count("came too late") == 2
    assert f"now success, resumed by process {winner}" in first
    assert "found it begun by an earlier run" in again
    assert again.count("came too late") == 3
    assert f"now success, resumed by process {winner}" in again


def test_a_process_is_told_what_another_one_writes(twice: Twice) -> None:
    for output in (twice.first, twice.second):
        section = output.partition("\n16. ")[2]
        assert re.findall(r"\d+ ms +│ (\S+) ", section) == ["I", "Nobody", "each"]
        [(writer, watcher)] = re.findall(r"process (\d+) had stored it process (\d+) had it", section)
        assert writer != watcher


def test_runs_scores_and_files_are_shown(twice: Twice) -> None:
    shown = twice.first

    assert len(re.findall("│ suspended +│", shown)) == 3
    assert "3 suspended, 5 success" in shown
    bars = [(len(bar), float(score)) for bar, score in re.findall(r"│ (█*) (\d\.\d\d) ", shown)]
    assert len(bars) == 12
    assert all(length == round(score * 20) for length, score in bars)
    assert re.search(r"threads +│ 9 +│ 0 +│ 9 ", shown)
    assert re.search(r"scores of the thread +│ 0 +│ 12 +│ 12 ", shown)


def test_messages_near_a_question_are_shown_with_their_neighbours(twice: Twice) -> None:
    section = _section(twice.first, 12, 13)

    assert "167 messages embedded" in section
    assert "Should I look at it?" in section
    assert len(re.findall(r"│ > │ \d{4}", section)) == 3
    assert len(re.findall(r"│   │ \d{4}", section)) == 6
    scores = [float(score) for score in re.findall(r"score (\d\.\d\d), in", section)]
    assert len(scores) == 3
    assert 1 > scores[0] >= scores[1] >= scores[2] > 0
    assert section in twice.second


def test_what_runs_beside_the_talk_is_shown_once(twice: Twice) -> None:
    first, again = twice.first, twice.second

    assert "20 messages, 328 words; the last is of assistant" in _section(first, 8, 9)
    assert re.findall(r"│ (fired it|came too late)", _section(first, 9, 10)) == ["fired it", *["came too late"] * 2]
    taken_over = _section(first, 10, 11)
    [dead] = re.findall(r"(process \d+) +│ claimed it, and was killed", taken_over)
    assert re.search(rf"{dead} +│ its late write was refused", taken_over)
    assert (taken_over.count("took it over"), taken_over.count("came too late")) == (1, 2)
    assert "observed by an earlier run of the demo" in _section(again, 8, 9)
    assert "fired by an earlier run of the demo" in _section(again, 9, 10)
    assert "taken over and finished by an earlier run of the demo" in _section(again, 10, 11)


async def test_a_transcript_of_ones_own_is_imported_and_added_to(tmp_path: Path) -> None:
    transcript, store = tmp_path / "t.jsonl", tmp_path / "agent.db"
    odd = _line(text="\x1b[31mred\x1b[0m [bold]not bold[/bold] \u202egnp \x00")
    lines = [odd, _line(time="2026-01-02T03:04:06.789123+01:00"), _line(text="x" * 500), _line(), _line()]
    transcript.write_bytes(b"\xef\xbb\xbf" + "\n\n".join(lines).encode())

    done = run("demo", "--transcript", transcript, "--file", store)

    assert done.returncode == 0
    _assert_80_columns_without_control_characters(done.stdout)
    assert "[bold]not bold[/bold]" in done.stdout
    contents = await _contents(store)
    thread = next(thread for thread in contents["threads"] if thread.title == "t")
    assert thread.created_at.isoformat() == "2026-01-02T02:04:06.789000+00:00"
    assert thread.updated_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert len([message for message in contents["messages"] if message.thread_id == thread.id]) == len(lines)

    async with ConvexStore.local(store) as opened:
        await opened.memory.update_resource("r", working_memory="the user's own", metadata={"plan": "free"})
    transcript.write_text("\n".join([*lines, _line(text="two", time="2026-02-01T00:00:00Z")]), encoding="utf-8")
    done = run("demo", "--transcript", transcript, "--file", store)

    assert done.returncode == 0
    assert "1 messages imported, 5 were there already" in done.stdout
    contents = await _contents(store)
    thread = next(thread for thread in contents["threads"] if thread.title == "t")
    assert thread.updated_at.isoformat() == "2026-02-01T00:00:00+00:00"
    assert contents["resources"][0].working_memory == "the user's own\n- talks most about: t"
    assert contents["resources"][0].metadata == {"plan": "free"}


def _assert_80_columns_without_control_characters(output: str) -> None:
    lines = [line for line in output.splitlines() if not line.startswith("├── ")]  # of a tree
    tables = [line for line in lines if line.startswith(("│", "╭", "╰", "├"))]
    assert tables
    assert all(len(line) == 80 for line in tables)
    assert not {"\x1b", "\u202e", "\x00", "\r"} & set(output)


async def test_bad_lines_are_reported_and_good_ones_imported(tmp_path: Path) -> None:
    transcript, store = tmp_path / "t.jsonl", tmp_path / "agent.db"
    bad = {
        2: '{"resource": "r"',
        3: "[]",
        5: _line(role="boss"),
        6: _line(time="2026-01-02T03:04:05"),
        7: _line(time=5),
        8: '{"resource": "r", "thread": "t"}',
        9: _line(thread=" "),
        10: _line(text=["no"]),
        12: _line(text="?").replace("?", "\\ud800"),
        13: "9" * 5_000,
    }
    lines = [bad.get(number, _line(text=str(number))) for number in range(1, 15)]
    lines[3] = ""
    lines[10] = _line(text=(large := "x" * 1_100_000))
    transcript.write_bytes("\n".join(lines).encode() + b"\n" + _line(text="\xff").encode("latin-1") + b"\n")

    done = run("demo", "--transcript", transcript, "--file", store)

    assert done.returncode == 1
    reported = [line.removeprefix(f"{transcript}:") for line in done.stderr.splitlines() if str(transcript) in line]
    assert [int(line.partition(":")[0]) for line in reported] == [*bad, 15]
    assert all(line.partition(": ")[2] for line in reported)
    assert "time must be ISO 8601" in done.stderr
    assert "role, text, time missing" in done.stderr
    assert "11 of 14 lines were not imported" in done.stderr
    assert SECTIONS[-1] in done.stdout
    messages = (await _contents(store))["messages"]
    assert {message.text for message in messages} == {"1", large, "14"}


@pytest.mark.parametrize("content", ["", "nonsense\n"])
def test_a_transcript_without_a_good_line(content: str, tmp_path: Path) -> None:
    transcript = tmp_path / "t.jsonl"
    transcript.write_text(content)

    done = run("demo", "--transcript", transcript)

    assert done.returncode == 1
    assert "no message could be imported" in done.stderr


def test_a_store_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, " * 100)

    for path in (tmp_path / "notes.txt", tmp_path / "nowhere" / "agent.db"):
        done = run("demo", "--file", path)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert str(path) in done.stderr
    assert run("demo", "--file", tmp_path).returncode == 2
    assert run("demo", "--file", ":memory:").returncode == 2
    assert run("demo", "--transcript", tmp_path / "none.jsonl").returncode == 2


def test_the_sample_is_what_it_says() -> None:
    lines = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]

    assert len(lines) >= 100
    assert len({line["resource"] for line in lines}) == 3
    assert len({(line["resource"], line["thread"]) for line in lines}) == 8
    assert any("望远镜" in line["text"] for line in lines)
    assert any("🌒" in line["text"] for line in lines)

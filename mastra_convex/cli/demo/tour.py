"""`mastra-convex demo`: imports a transcript into a local store and shows what agents do with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from mastra_convex.cli.demo import digest, operations, pages, views
from mastra_convex.cli.demo.children import ask_new_process, run_until_killed
from mastra_convex.cli.demo.evaluation import CHECK, SCORER, check_threads, score_answers
from mastra_convex.cli.demo.following import follow_new_process
from mastra_convex.cli.demo.importing import Imported, import_transcript
from mastra_convex.cli.demo.reader import Answer, Question, read_facts
from mastra_convex.cli.demo.recall import embed_messages, question_of, recall
from mastra_convex.cli.demo.recording import Recording
from mastra_convex.cli.demo.transcript import BadLine, Line, Transcript, derived_id, parse_transcript
from mastra_convex.cli.terminal import new_console, safe
from mastra_convex.cli.traces.reading import spans_of
from mastra_convex.cli.traces.views import tree
from mastra_convex.cli.view import check_installed
from mastra_convex.composite import CompositeStore
from mastra_convex.contract.embedders import HashingEmbedder
from mastra_convex.store import ConvexStore
from mastra_convex.store_base import DomainAccess

_THREADS_SHOWN: Final = 10
_PAGE: Final = 6
_NEIGHBOURS: Final = 2
_CONTENDERS: Final = 3
_RUNS_SHOWN: Final = 10
_SCORES_SHOWN: Final = 12


@dataclass(frozen=True)
class _Subject:
    """Names what is shown of a transcript: its first resource, the longest thread, a message in its middle."""

    resource: str
    thread_id: str
    title: str
    message_id: str
    messages: int
    first: datetime

    @property
    def clone_id(self) -> str:
        return derived_id("clone", self.thread_id)


def run(transcript: Path, path: Path | None, *, is_viewed: bool) -> int:
    """Imports and shows; 1 when a line could not be imported, or the second process read something else.

    Where `is_viewed`, pages of what is stored are served at the end, until SIGINT or SIGTERM.
    """
    if is_viewed:
        check_installed()
    with transcript.open("rb") as file:
        parsed = parse_transcript(file)
    with _store_file(path) as store_path:
        return asyncio.run(_run(transcript, parsed, store_path, kept=path is not None, is_viewed=is_viewed))


@contextlib.contextmanager
def _store_file(path: Path | None) -> Generator[Path]:
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mastra-convex-") as folder:
        yield Path(folder) / "demo.db"


async def _run(source: Path, transcript: Transcript, path: Path, *, kept: bool, is_viewed: bool) -> int:
    console = new_console()
    scores_path = path.with_name(f"{path.stem}-scores{path.suffix}")
    main, scores = ConvexStore.local(path), ConvexStore.local(scores_path)
    async with CompositeStore(id="demo", default=main, domains={"scores": scores}) as store:
        await store.init()  # a wrong file is reported before anything is shown
        views.line(console, f"Transcript: {source}")
        views.line(console, f"Store:      {path}{'' if kept else ' (temporary)'}, scores in {scores_path.name}")
        with views.progress_bar(console) as progress:
            task = progress.add_task("import", total=len(transcript.lines))
            imported = await import_transcript(store, transcript, lambda count: progress.advance(task, count))
        bad = sorted([*transcript.bad, *imported.refused], key=lambda line: line.number)
        console.print(_summary(imported))
        _report(source, bad)
        refused = {line.number for line in imported.refused}
        good = [line for line in transcript.lines if line.number not in refused]
        if not good:
            typer.echo(f"{source}: no message could be imported", err=True)
            return 1
        subject = _subject(good)
        recording = Recording(subject.thread_id)
        with recording.step("memory"):
            await _show_memory(console, store, subject)
        with recording.step("workflow"):
            await _show_workflow(console, store, path, subject)
        with recording.step("runs"):
            await check_threads(store, Transcript(good, ()).threads())
            await _show_runs(console, store)
        talk = [line for line in good if line.thread_id == subject.thread_id]
        with recording.step("operations"):
            await _show_operations(console, store, path, talk)
        with recording.step("scores"):
            await score_answers(store, talk)
            await _show_scores(console, store, subject)
        with recording.step("recall"):
            await _show_recall(console, store, good, subject)
        with recording.step("files"):
            await _show_files(console, {path.name: main, scores_path.name: scores, "the composite": store}, subject)
        await _show_trace(console, store, recording)
        question = Question(subject.resource, subject.thread_id, subject.clone_id)
        before = await read_facts(store, question)
    same = _show_again(console, before, Answer(**await ask_new_process("read", path, asdict(question))))
    await _show_following(console, path, subject)
    if kept:
        views.line(console, f'\nThe data stays in the files: ConvexStore.local("{path}") opens it.')
    if bad:
        typer.echo(f"\n{len(bad)} of {len(bad) + len(good)} lines were not imported (see above)", err=True)
    if is_viewed:
        await pages.serve((path, scores_path))
    return 0 if same and not bad else 1


def _summary(imported: Imported) -> str:
    known = f", {imported.known} were there already" if imported.known else ""
    return f"{imported.new} messages imported{known}; {imported.threads} threads"


def _report(source: Path, bad: Sequence[BadLine]) -> None:
    for line in bad:
        typer.echo(f"{source}:{line.number}: {safe(line.reason)}", err=True)


def _subject(lines: Sequence[Line]) -> _Subject:
    resource = lines[0].resource
    threads = Transcript([line for line in lines if line.resource == resource], ()).threads()
    longest = max(threads.values(), key=len)
    middle = longest[len(longest) // 2]
    return _Subject(
        resource, middle.thread_id, middle.thread, middle.id, len(longest), min(line.time for line in lines)
    )


async def _show_memory(console: Console, store: DomainAccess, subject: _Subject) -> None:
    await _show_threads(console, store, subject)
    await _show_latest(console, store, subject)
    await _show_neighbours(console, store, subject)
    await _show_working_memory(console, store, subject)
    await _show_clone(console, store, subject)


async def _show_threads(console: Console, store: DomainAccess, subject: _Subject) -> None:
    call = f'memory.list_threads(resource_id="{subject.resource}", order_by="-updated_at")'
    views.heading(console, 1, f"Threads of {subject.resource}", call)
    page = await store.memory.list_threads(
        resource_id=subject.resource, per_page=_THREADS_SHOWN, order_by="-updated_at"
    )
    counts = [(await store.memory.list_messages(thread.id, per_page=1)).total or 0 for thread in page.threads]
    rows = [
        views.ThreadView(thread.title, count, thread.created_at, thread.updated_at)
        for thread, count in zip(page.threads, counts, strict=True)
    ]
    console.print(views.threads_table(rows, page.total or 0))


async def _show_latest(console: Console, store: DomainAccess, subject: _Subject) -> None:
    call = f'memory.list_messages(thread_id, per_page={_PAGE}, order_by="-created_at")'
    views.heading(console, 2, f"Latest page of {subject.title!r}", call)
    page = await store.memory.list_messages(subject.thread_id, per_page=_PAGE, order_by="-created_at")
    rows = [views.MessageView(message.created_at, message.role, message.text) for message in reversed(page.messages)]
    caption = f"{len(rows)} of {page.total} messages, oldest first{'; more before' if page.has_more else ''}"
    console.print(views.messages_table(rows, caption))


async def _show_neighbours(console: Console, store: DomainAccess, subject: _Subject) -> None:
    include = {
        "id": subject.message_id,
        "with_previous_messages": _NEIGHBOURS,
        "with_next_messages": _NEIGHBOURS,
    }
    call = "memory.list_messages(thread_id, per_page=0, include=[{...}])"
    views.heading(console, 3, f"One message with {_NEIGHBOURS} before and {_NEIGHBOURS} after", call)
    page = await store.memory.list_messages(subject.thread_id, per_page=0, include=[include])
    rows = [
        views.MessageView(message.created_at, message.role, message.text, marked=message.id == subject.message_id)
        for message in page.messages
    ]
    console.print(views.messages_table(rows, "> is the message that was asked for"))


async def _show_working_memory(console: Console, store: DomainAccess, subject: _Subject) -> None:
    """Adds a line to the working memory unless it is there: what a store of the user's own holds is never lost."""
    call = "memory.update_resource(resource_id, working_memory=...)"
    views.heading(console, 4, f"Working memory of {subject.resource}, before and after an update", call)
    resource = await store.memory.get_resource_by_id(subject.resource)
    before = (resource.working_memory if resource else None) or ""
    line = f"- talks most about: {' '.join(subject.title.split())}"
    after, caption = before, "it had the line already: nothing was written"
    if not before:
        before = f"# {subject.resource}\n- met on {subject.first:%Y-%m-%d}"
        await store.memory.update_resource(subject.resource, working_memory=before)
    if line not in before.splitlines():
        wanted = f"{before.rstrip()}\n{line}"
        after = (await store.memory.update_resource(subject.resource, working_memory=wanted)).working_memory or ""
        caption = ""
    console.print(views.pairs_table(("", "Text"), [("before", before), ("after", after)], caption))


async def _show_clone(console: Console, store: DomainAccess, subject: _Subject) -> None:
    """Clones the thread under an id that follows from its own, so that a second run finds the first one's clone."""
    views.heading(console, 5, "A clone of the thread", "memory.clone_thread(thread_id, new_thread_id=...)")
    caption = ""
    thread = await store.memory.get_thread_by_id(subject.clone_id)
    if thread is None:
        thread = (await store.memory.clone_thread(subject.thread_id, new_thread_id=subject.clone_id)).thread
    else:
        caption = "cloned by an earlier run"
    counts = [(await store.memory.list_messages(id, per_page=1)).total for id in (subject.thread_id, thread.id)]
    source = thread.metadata.get("clone", {}).get("sourceThreadId", "")
    rows = [
        ("title", subject.title, thread.title),
        ("id", _short(subject.thread_id), _short(thread.id)),
        ("messages", str(counts[0]), str(counts[1])),
        ("cloned from", "", _short(source)),
    ]
    console.print(views.pairs_table(("", "Original", "Clone"), rows, caption))


async def _show_workflow(console: Console, store: DomainAccess, path: Path, subject: _Subject) -> None:
    """A process begins a run and ends; then several want to resume it. A second run of the demo finds it finished."""
    call = 'workflows.update_workflow_state(..., expected_status="suspended")'
    views.heading(console, 6, "A workflow that outlives its process, resumed by one of several", call)
    run = digest.Run(
        derived_id(digest.WORKFLOW, subject.thread_id, str(subject.messages)), subject.thread_id, subject.messages
    )
    first = await ask_new_process("digest", path, {"what": "begin", "run": asdict(run)})
    begun = "began it, suspended it, and ended" if first["done"] else "found it begun by an earlier run of the demo"
    others = [ask_new_process("digest", path, {"what": "resume", "run": asdict(run)}) for _ in range(_CONTENDERS)]
    contenders = await asyncio.gather(*others)
    status, winner = await digest.status_of(store, run)
    rows = [(f"{first['pid']}", begun)]
    rows += [(f"{one['pid']}", "resumed and finished it" if one["done"] else "came too late") for one in contenders]
    resumed = f", resumed by process {winner}" if winner else ""
    console.print(views.pairs_table(("Process", "What it did"), rows, f"now {status}{resumed}"))


async def _show_runs(console: Console, store: DomainAccess) -> None:
    call = 'workflows.list_workflow_runs(status="suspended")'
    views.heading(console, 7, "Runs by status: threads where the user has the last word wait", call)
    rows: list[tuple[str, ...]] = []
    totals: list[str] = []
    for status in ("suspended", "success"):
        page = await store.workflows.list_workflow_runs(
            workflow_name=CHECK, status=status, page=0, per_page=_RUNS_SHOWN
        )
        totals.append(f"{page.total} {status}")
        rows += [(status, f"{run.created_at:%Y-%m-%d %H:%M}", _thread_of(run.snapshot)) for run in page.runs]
    console.print(views.pairs_table(("Status", "Since (UTC)", "Thread"), rows, ", ".join(totals)))


def _thread_of(snapshot: dict[str, Any] | str) -> str:
    return "" if isinstance(snapshot, str) else views.shortened(snapshot["context"]["input"]["thread"])


async def _show_operations(console: Console, store: DomainAccess, path: Path, talk: Sequence[Line]) -> None:
    earlier = "by an earlier run of the demo"
    last = max(line.time for line in talk)
    views.heading(console, 8, "Observational memory of the thread", "memory.swap_buffered_to_active(id, ...)")
    generation, observations, is_new = await operations.observe(store, talk)
    rows = [("generation", str(generation)), ("observations", observations)]
    console.print(views.pairs_table(("", "Memory"), rows, "" if is_new else f"observed {earlier}"))

    call = "schedules.update_schedule_next_fire(id, expected_next_fire_at=...)"
    views.heading(console, 9, "A schedule that has come due, fired by one of several", call)
    fired = await operations.fire(store, talk[0].thread_id, last)
    rows = [(f"{n}", "fired it" if won else "came too late") for n, won in enumerate(fired, 1)]
    console.print(views.pairs_table(("Contender", "What it did"), rows, "" if fired else f"fired {earlier}"))

    call = "workflows.claim_run(..., owner=..., lease=...)"
    views.heading(console, 10, "A run whose process is killed, taken over by one of several", call)
    run_id = await operations.begin(store, talk[0].thread_id, last)
    if run_id is None:
        views.line(console, f"taken over and finished {earlier}")
        return
    await run_until_killed("claim", path, {"run_id": run_id})
    dead, rescuers, is_refused = await operations.take_over(store, run_id)
    rows = [(dead, "claimed it, and was killed")]
    rows += [(f"rescuer {n}", "took it over" if won else "came too late") for n, won in enumerate(rescuers)]
    rows.append((dead, "its late write was refused" if is_refused else "its late write was NOT refused"))
    console.print(views.pairs_table(("Who", "What it did"), rows))


async def _show_scores(console: Console, store: DomainAccess, subject: _Subject) -> None:
    views.heading(console, 11, f"Scores of {subject.title!r}", "scores.list_scores_by_run_id(thread_id)")
    page = await store.scores.list_scores_by_run_id(subject.thread_id, per_page=_SCORES_SHOWN)
    rows = [views.ScoreView(score.created_at, score.score, str(score.output)) for score in reversed(page.scores)]
    caption = f"{len(rows)} of {page.total} answers by {SCORER}: how much of the question they take up"
    console.print(views.scores_table(rows, caption, encoding=console.encoding))


async def _show_recall(console: Console, store: DomainAccess, lines: Sequence[Line], subject: _Subject) -> None:
    call = 'vector.query(index, query_vector=..., filter={"at": {"$lt": ...}, ...})'
    views.heading(console, 12, f"What {subject.resource} said before that is near a question", call)
    embedder = HashingEmbedder()
    count = await embed_messages(store, embedder, lines)
    question = question_of([line for line in lines if line.resource == subject.resource])
    views.line(console, f"{count} messages embedded by shared words, with no model. {question.role} asks:")
    views.line(console, f"   {views.shortened(question.text)}")
    for found in await recall(store, embedder, question):
        rows = [
            views.MessageView(message.created_at, message.role, message.text, marked=message.id == found.id)
            for message in found.messages
        ]
        console.print(views.messages_table(rows, f"score {found.score:.2f}, in {found.thread!r}"))


async def _show_files(console: Console, stores: dict[str, DomainAccess], subject: _Subject) -> None:
    call = 'CompositeStore(id="demo", default=main, domains={"scores": scores})'
    views.heading(console, 13, "A composite: memory and scores in different files", call)
    counts = [
        (
            (await store.memory.list_threads(per_page=0)).total,
            (await store.workflows.list_workflow_runs(page=0, per_page=0)).total,
            (await store.scores.list_scores_by_run_id(subject.thread_id, per_page=0)).total,
        )
        for store in stores.values()
    ]
    labels = ("threads", "workflow runs", "scores of the thread")
    rows = [(label, *(str(count[n]) for count in counts)) for n, label in enumerate(labels)]
    console.print(views.pairs_table(("", *stores), rows))


async def _show_trace(console: Console, store: DomainAccess, recording: Recording) -> None:
    """Stores what this run of the demo did as a trace, and draws it as `mastra-convex traces show` does."""
    views.heading(console, 14, "A trace: what this demo did, and when", "observability.get_trace(trace_id)")
    await recording.store(store)
    console.print(tree(await spans_of(store, recording.trace_id), encoding=console.encoding))


def _short(id: str) -> str:
    return f"{id[:13]}..."


def _show_again(console: Console, before: Answer, after: Answer) -> bool:
    views.heading(console, 15, "The same data, read by a new process", "ConvexStore.local(path)")
    rows = [
        (label, views.shortened(after.facts[label]), "yes" if after.facts[label] == value else "NO")
        for label, value in before.facts.items()
    ]
    columns = ("", f"Read by process {after.pid}", "Same")
    console.print(views.pairs_table(columns, rows, f"compared with what process {before.pid} had read"))
    return before.facts == after.facts


async def _show_following(console: Console, path: Path, subject: _Subject) -> None:
    views.heading(console, 16, "Two processes: one writes, one is told", "memory.follow_messages(thread_id, after=...)")
    writer, told = await follow_new_process(path, subject.resource)
    rows = [(f"{each.milliseconds:.0f} ms", each.text) for each in told]
    caption = f"how long after process {writer} had stored it process {os.getpid()} had it"
    console.print(views.pairs_table(("After", "Message"), rows, caption))

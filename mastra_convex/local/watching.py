"""Watched reads: which of them a commit may have changed, and reading those again on one snapshot. Internal."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mastra_convex.engine.protocol import Describe, Get, Read, Scan
from mastra_convex.engine.wire import to_bytes
from mastra_convex.errors import MastraConvexError
from mastra_convex.local.documents import UnreadableError
from mastra_convex.local.reads import encoded_key, find, run_reads
from mastra_convex.local.schema import EncodedKey, Layout, Session, damaged
from mastra_convex.rows.keys import encode_key
from mastra_convex.tables import Table

if TYPE_CHECKING:
    from mastra_convex.local.engine import LocalEngine

POLL_EVERY: Final = 0.05
"""Seconds between looks for commits of other programs. A look takes some 4 microseconds."""

_MOST_BYTES: Final = 16 << 20
"""Bytes of results after which the reads that are left wait for the next look."""

_READS_AT_ONCE: Final = 64
"""Reads whose rows are looked up together. It bounds what is looked up beyond those bytes."""

Part = tuple[str, tuple[str, ...]]
"""A table, and leading fields of one of its indexes."""


class State(NamedTuple):
    """Holds what a watched read gives: its results, and their JSON text; or the error that it raises."""

    results: list[Any]
    text: bytes
    error: MastraConvexError | None = None


@dataclass(eq=False)
class WatchedRead:
    """Holds reads that are watched, and what was last seen of them.

    `touches` counts the commits that may have changed them.
    """

    watcher: Watcher
    id: int
    ops: Sequence[Read[Any]]
    ranges: list[tuple[Part, EncodedKey]]
    touches: int = 0
    digest: bytes = b""

    def touch(self) -> None:
        self.touches += 1
        self.watcher.touch(self)


class Watches:
    """Finds the watched reads of a database by the rows that a commit writes.

    Reads are touched while the lock of the database is held, so a transaction under that lock sees every touch of the
    commits that it sees.

    Args:
        tables: the declared tables, by name.
        poll: looks for commits of other programs; None where there are no others.
    """

    def __init__(self, tables: Mapping[str, Table], poll: Callable[[], None] | None) -> None:
        self._tables = tables
        self._poll = poll
        self._lock = threading.Lock()
        self._reads: dict[Part, dict[EncodedKey, set[WatchedRead]]] = {}
        self._watchers: dict[asyncio.AbstractEventLoop, set[Watcher]] = {}
        self._polls: dict[asyncio.AbstractEventLoop, asyncio.TimerHandle] = {}

    def __bool__(self) -> bool:
        return bool(self._reads)

    def open(self, watcher: Watcher) -> None:
        """Has commits of other programs looked for in the event loop of the watcher, from its first watcher on."""
        with self._lock:
            for loop in [loop for loop in self._watchers if loop.is_closed()]:
                del self._watchers[loop]
                self._polls.pop(loop, None)
            self._watchers.setdefault(watcher.loop, set()).add(watcher)
            if self._poll is not None and watcher.loop not in self._polls:
                self._polls[watcher.loop] = watcher.loop.call_later(POLL_EVERY, self._look_for_others, watcher.loop)

    def close(self, watcher: Watcher) -> None:
        with self._lock:
            others = self._watchers.get(watcher.loop, set())
            others.discard(watcher)
            if not others:
                self._watchers.pop(watcher.loop, None)
                if watcher.loop in self._polls:
                    self._polls.pop(watcher.loop).cancel()

    def wake_all(self) -> None:
        """Wakes every watcher: the engine is closed."""
        with self._lock:
            watchers = [watcher for each in self._watchers.values() for watcher in each]
        for watcher in watchers:
            watcher.wake()

    def _look_for_others(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._poll is not None:
            self._poll()
        with self._lock:
            if loop in self._polls:
                self._polls[loop] = loop.call_later(POLL_EVERY, self._look_for_others, loop)

    def add(self, read: WatchedRead) -> None:
        with self._lock:
            for part, key in read.ranges:
                self._reads.setdefault(part, {}).setdefault(key, set()).add(read)

    def remove(self, read: WatchedRead) -> None:
        with self._lock:
            for part, key in read.ranges:
                keys = self._reads.get(part, {})
                keys.get(key, set()).discard(read)
                if not keys.get(key):
                    keys.pop(key, None)
                if not keys:
                    self._reads.pop(part, None)

    def touch(self, written: Iterable[tuple[Layout, Sequence[bytes] | None]]) -> None:
        """Touches the reads in whose ranges rows with these key columns lie; None stands for a row that may be any."""
        with self._lock:
            parts = [(*part, keys) for part, keys in self._reads.items()]
            touched: set[WatchedRead] = set()
            for layout, columns in written:
                for table, fields, keys in parts:
                    if table != layout.table.name:
                        continue
                    if columns is None:
                        touched.update(*keys.values())
                    else:
                        touched |= keys.get(tuple([columns[layout.fields.index(name)] for name in fields]), _NONE)
        for read in touched:
            read.touch()

    def touch_all(self) -> None:
        """Touches every read: another program has written, nobody says what."""
        with self._lock:
            touched = {read for keys in self._reads.values() for reads in keys.values() for read in reads}
        for read in touched:
            read.touch()

    def ranges(self, ops: Iterable[Read[Any]]) -> list[tuple[Part, EncodedKey]]:
        """Returns the ranges of indexes outside of which no row matters to the reads."""
        found: dict[tuple[Part, EncodedKey], None] = {}
        for op in ops:
            table = self._tables.get(op.table)
            if table is not None and not isinstance(op, Describe):
                with suppress(MastraConvexError, KeyError):  # reading reports what is wrong
                    found.update(dict.fromkeys(_ranges(table, op)))
        return list(found)


_NONE: Final[frozenset[WatchedRead]] = frozenset()


def _ranges(table: Table, op: Read[Any]) -> Iterator[tuple[Part, EncodedKey]]:
    if isinstance(op, Get):
        for key in op.keys:
            yield (table.name, table.key_fields), tuple(map(encode_key, key))
    elif isinstance(op, Scan):
        fields = table.index_by_name[op.index].fields
        for prefix in op.prefixes:
            yield (table.name, fields[: len(prefix)]), tuple(map(encode_key, prefix))
    else:  # neighbours: of whatever row has the key
        yield (table.name, ()), ()


Found = list[tuple[WatchedRead, int, State, bytes]]
"""Reads, each with its touches before it was read, what it gives and the digest of that."""


class Watcher:
    """The watched reads of one consumer, in one event loop. What changed of them is read on one snapshot.

    Only the newest matters: reads that change often while nobody asks are read once.
    """

    def __init__(self, engine: LocalEngine, watches: Watches) -> None:
        self._engine = engine
        self._watches = watches
        self._reads: dict[int, WatchedRead] = {}
        self._touched: dict[WatchedRead, None] = {}
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._woken = asyncio.Event()
        self._is_waking = False
        watches.open(self)

    def add(self, id: int, ops: Sequence[Read[Any]]) -> None:
        """Watches reads under an id that is not in use."""
        read = self._reads[id] = WatchedRead(self, id, ops, self._watches.ranges(ops))
        self._watches.add(read)
        read.touch()

    def remove(self, id: int) -> None:
        """Ends the watch of an id, if there is one."""
        read = self._reads.pop(id, None)
        if read is not None:
            self._watches.remove(read)
            self._touched.pop(read, None)

    def close(self) -> None:
        """Ends all watches."""
        for id in list(self._reads):
            self.remove(id)
        self._watches.close(self)

    def touch(self, read: WatchedRead) -> None:
        """Has a read looked at again; from any thread."""
        self._touched[read] = None
        self.wake()

    def wake(self) -> None:
        """Ends a `wait`, also the next one; from any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            if threading.get_ident() == self._thread:
                self._woken.set()
            elif not self._is_waking:
                self._is_waking = True
                self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        self._woken.set()

    async def wait(self) -> None:
        """Waits until reads may have changed, or somebody calls `wake`."""
        await self._woken.wait()
        self._woken.clear()

    async def changes(self) -> dict[int, State]:
        """Returns the reads that have changed, all as of one moment. They may be none; a new read has changed.

        Results of more than 16 MiB come in several calls. Raises ClosedError when the engine is closed.
        """
        try:
            found = await self._engine.look(self)
        except BaseException:
            self._woken.set()  # it was not read, so it is still to be looked at
            raise
        states: dict[int, State] = {}
        for read, touches, state, digest in found:
            self._touched.pop(read, None)
            if self._reads.get(read.id) is read:
                if read.touches != touches:  # meanwhile, or right now in another thread
                    self._touched[read] = None
                if digest != read.digest:
                    read.digest = digest
                    states[read.id] = state
        if self._touched:
            self._woken.set()
        return states

    def touched(self) -> Iterator[Read[Any]]:
        """Returns the operations that are to be run again."""
        return (op for read in list(self._touched) for op in read.ops)

    def read(self, session: Session) -> Found:
        """Reads what was touched. Runs in a transaction under the lock of the database."""
        found: Found = []
        left = _MOST_BYTES
        touched = [(read, read.touches) for read in list(self._touched)]
        for start in range(0, len(touched), _READS_AT_ONCE):
            if left <= 0:
                break
            several = touched[start : start + _READS_AT_ONCE]
            if len(several) > 1:
                _look_up(session, [op for read, _ in several for op in read.ops])
            for read, touches in several:
                if left > 0:
                    state = _state(session, read.ops)
                    found.append((read, touches, state, hashlib.blake2b(state.text, digest_size=16).digest()))
                    left -= len(state.text)
        return found


def _look_up(session: Session, ops: Iterable[Read[Any]]) -> None:
    """Looks up the rows of those reads that get one each, all at once; the session keeps them for the reads."""
    keys: dict[Layout, list[EncodedKey]] = {}
    for op in ops:
        layout = session.layouts.get(op.table)
        if layout is not None and isinstance(op, Get) and len(op.keys) == 1:
            with suppress(MastraConvexError):  # reading reports what is wrong
                keys.setdefault(layout, []).append(encoded_key(layout, op.keys[0]))
    for layout, wanted in keys.items():
        find(session, layout, wanted)


def _state(session: Session, ops: Sequence[Read[Any]]) -> State:
    try:
        results = run_reads(session, ops)
        return State(results, to_bytes(results))
    except UnreadableError as error:
        failure: MastraConvexError = damaged(session.connection, error)
    except MastraConvexError as error:
        failure = error
    return State([], f"{type(failure).__name__}: {failure}".encode(), failure)

"""Writes spans: each batch is one commit, with the rows of its traces (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mastra_convex.domain import (
    MAX_CONFLICTS,
    Change,
    Delete,
    DeleteRange,
    DomainStore,
    Get,
    Guard,
    HoldsGuard,
    Id,
    Patch,
    Put,
    Record,
    Row,
    Scan,
    UnchangedGuard,
    WriteOp,
    about,
    batches,
    decode_row,
    each,
    encode_row,
    equals,
    in_parts,
    items,
    kept_changing,
    mapping,
    now,
    parse,
    text,
    texts,
)
from mastra_convex.errors import NotFoundError, ValidationError

from .models import Span
from .roots import mark_edits, root_row, stub_row
from .tables import ROOTS, SPANS

_RANGES: Final = 3_900
"""Index ranges of a commit: 2 for a span, 4 for a trace; Convex takes 4,096."""

_UPDATED: Final = 500
"""Spans that are changed in one commit, each perhaps of another trace and with a guard."""

_TRACES: Final = 100
"""Traces that are deleted in one commit with their spans, as each of its steps sends all of it."""

_DELETED: Final = 1_000
"""Most traces of one call, as in Mastra."""

_ROOT_COUNTED: Final = ("createdAt", "marks", "hasChildError")
"""Columns that other spans of the trace, or an earlier writing, have set."""

_STUB_KEPT: Final = tuple(field.name for field in ROOTS.fields if field.name not in ("id", "updatedAt"))


_FIELDS: Final = {str(field.alias): name for name, field in Span.model_fields.items()}

_ANY_SPAN: Final[Mapping[str, str]] = {
    "trace_id": "any",
    "span_id": "any",
    "name": "any",
    "span_type": "generic",
    "started_at": "2026-01-01T00:00:00Z",
}
"""Stands for what every span has and updates need not give."""

_Key = tuple[str, str]
"""Identifies a span by its trace and its own id."""


class _Written(NamedTuple):
    span: Span
    row: Row


class _Update(Record):
    """Holds the update of one span."""

    trace_id: Id
    span_id: Id
    updates: dict[str, Any]


def span_row(span: Span) -> Row:
    """Returns the row of a span."""
    values = {alias: getattr(span, name) for alias, name in _FIELDS.items()}
    time = now()
    return encode_row(SPANS, {**values, "createdAt": time, "updatedAt": time})


def span_of(row: Row) -> Span:
    """Returns the span of a stored row."""
    return Span.stored(decode_row(SPANS, row), SPANS)


class WritingMethods(DomainStore):
    """Writes spans and traces, and deletes these."""

    async def create_span(self, span: Span | Mapping[str, Any]) -> None:
        """Stores a span under its trace and id; one that is there is replaced."""
        await self._write([parse(Span, span, "span", operation="CREATE_SPAN")], "span")

    async def batch_create_spans(self, records: Sequence[Span | Mapping[str, Any]]) -> None:
        """Stores spans in one round trip, or few where they are many; those that are there are replaced.

        In any order: a trace is in no list until its root was stored. Tokens and errors of a span count once, however
        often it is stored.

        Args:
            records: the spans.

        Raises:
            ValidationError: one of them is wrong; none was stored.
        """
        operation = "BATCH_CREATE_SPANS"
        given = enumerate(items(records, "records", operation=operation))
        spans = await each(lambda one: parse(Span, one[1], f"records[{one[0]}]", operation=operation), given)
        await self._write(spans, "records")

    async def update_span(self, trace_id: str, *, span_id: str, updates: Mapping[str, Any]) -> None:
        """Changes the given fields of a span; each is replaced as a whole.

        Args:
            trace_id: id of its trace.
            span_id: id of the span.
            updates: the fields, as `{"ended_at": ..., "output": ...}`; None clears one.

        Raises:
            NotFoundError: there is no such span.
            ValidationError: a field is wrong, or is one of the ids.
        """
        operation = "UPDATE_SPAN"
        key = text(trace_id, "trace_id", operation=operation), text(span_id, "span_id", operation=operation)
        if not await self._update({key: _changes(updates, "updates", operation)}, operation):
            raise NotFoundError(f"no span {span_id!r} of trace {trace_id!r}", operation=operation)

    async def batch_update_spans(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Changes spans in two round trips; unknown ones are ignored.

        Args:
            records: `{"trace_id": ..., "span_id": ..., "updates": {...}}` for each span.

        Raises:
            ValidationError: one of them is wrong; nothing was changed.
        """
        operation = "BATCH_UPDATE_SPANS"

        def checked(one: tuple[int, Any]) -> tuple[_Key, dict[str, Any]]:
            n, given = one
            record = parse(_Update, given, f"records[{n}]", operation=operation)
            changes = _changes(record.updates, f"records[{n}].updates", operation)
            return (record.trace_id, record.span_id), changes

        wanted: dict[_Key, dict[str, Any]] = {}
        for key, changes in await each(checked, enumerate(items(records, "records", operation=operation))):
            wanted.setdefault(key, {}).update(changes)
        await self._update(wanted, operation)

    async def batch_delete_traces(
        self, trace_ids: Sequence[str], *, organization_id: str | None = None, resource_id: str | None = None
    ) -> None:
        """Deletes traces, each with all its spans; unknown ones are ignored.

        Args:
            trace_ids: ids of at most 1,000 traces.
            organization_id: deletes only traces of this organization.
            resource_id: deletes only traces of this resource.

        Raises:
            ValidationError: too many ids, or an argument is wrong.
        """
        operation = "BATCH_DELETE_TRACES"
        ids = texts(trace_ids, "trace_ids", operation=operation)
        if len(ids) > _DELETED:
            raise ValidationError(f"trace_ids has {len(ids)} ids, at most {_DELETED} are taken", operation=operation)
        tenants = (("organizationId", "organization_id", organization_id), ("resourceId", "resource_id", resource_id))
        where = [
            equals([column], text(value, name, operation=operation))
            for column, name, value in tenants
            if value is not None
        ]
        for start in range(0, len(ids), _TRACES):
            some = ids[start : start + _TRACES]
            while some:
                guards: list[Guard] = [HoldsGuard(table=ROOTS.name, key=[id], where=where) for id in some if where]
                owned = [range for id in some for range in self._records.owned_ranges(ROOTS, id)]
                ops: list[WriteOp] = [DeleteRange(range=range) for range in owned]
                ops.append(Delete(table=ROOTS.name, keys=[[id] for id in some]))
                result = await self._records.commit(ops, guards=guards, mode="resumable")
                some = [id for n, id in enumerate(some) if n not in result.failed] if result.failed else []

    async def rebuild(self) -> int:
        """Makes the rows of all traces anew from their spans, and returns their number.

        Lists, sums and filters work with these rows. They are wrong only where another program wrote spans alone.
        """
        count = 0
        spans: list[Span] = []
        async for row in self._records.iterate(Scan(table=SPANS.name, index="by_trace_started"), 500):
            span = span_of(row)
            if spans and spans[-1].trace_id != span.trace_id:
                await self._rebuild(spans)
                count += 1
                spans = []
            spans.append(span)
        if spans:
            await self._rebuild(spans)
            count += 1
        return count

    async def _rebuild(self, spans: Sequence[Span]) -> None:
        id = spans[0].trace_id
        root = next((root_row(span) for span in spans if span.parent_span_id is None), stub_row(id))
        ops: list[WriteOp] = [Put(table=ROOTS.name, rows=[root], keep=_ROOT_COUNTED)]  # spans may be stored meanwhile
        if edits := mark_edits(spans):
            ops.append(Patch(table=ROOTS.name, keys=[[id]], change=Change(edits=edits)))
        await self._records.commit(ops)

    async def _write(self, spans: Sequence[Span], name: str) -> None:
        def encoded(one: tuple[int, Span]) -> Row:
            n, span = one
            with about(name if name == "span" else f"{name}[{n}]"):
                return span_row(span)

        rows = await each(encoded, enumerate(spans))
        pairs = zip(spans, rows, strict=True)
        written = {(span.trace_id, span.span_id): _Written(span, row) for span, row in pairs}
        for batch in batches(one.row for one in written.values()):
            for some in _within_ranges(batch):
                await in_parts([written[row["traceId"], row["spanId"]] for row in some], self._commit)

    async def _commit(self, written: Sequence[_Written]) -> None:
        await self._records.commit(_ops(written))

    async def _update(self, wanted: Mapping[_Key, Mapping[str, Any]], operation: str) -> int:
        """Changes spans, and returns how many there were."""
        keys = list(wanted)
        parts = [keys[start : start + _UPDATED] for start in range(0, len(keys), _UPDATED)]
        return sum([await self._change({key: wanted[key] for key in part}, operation) for part in parts])

    async def _change(self, wanted: Mapping[_Key, Mapping[str, Any]], operation: str) -> int:
        """Changes spans in one commit, and returns how many there were."""
        for _ in range(MAX_CONFLICTS):
            get = Get(table=SPANS.name, keys=[[*key] for key in wanted], fingerprints=True)
            found = await self._records.read(get)
            there = [
                (key, row, fingerprint)
                for key, row, fingerprint in zip(wanted, found.rows, found.fingerprints or (), strict=True)
                if row is not None and fingerprint is not None
            ]
            if not there:
                return 0
            guards = [UnchangedGuard(table=SPANS.name, key=[*key], fingerprint=known) for key, _, known in there]
            spans = await each(lambda one: span_of(one[1]).model_copy(update=wanted[one[0]]), there)
            written = [_Written(span, row) for span, row in zip(spans, await each(span_row, spans), strict=True)]
            result = await self._records.commit(_ops(written, changed=True), guards=guards)
            if result.status == "done":
                return len(written)
        raise kept_changing("spans", operation)


def _changes(updates: object, name: str, operation: str) -> dict[str, Any]:
    """Returns the fields that updates give, checked as those of a span are."""
    given = mapping(updates, name, operation=operation)
    fields = {_FIELDS.get(key, key) for key in given}
    if ids := fields & {"trace_id", "span_id"}:
        raise ValidationError(f"{name}: {min(ids)} identifies the span, and cannot be changed", operation=operation)
    others = {field: value for field, value in _ANY_SPAN.items() if field not in fields}
    span = parse(Span, {**others, **given}, name, operation=operation)
    return {field: getattr(span, field) for field in fields}


def _within_ranges(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cuts rows into lists whose index ranges one commit takes."""
    part: list[Row] = []
    traces: set[str] = set()
    for row in rows:
        if 2 * (len(part) + 1) + 4 * len(traces | {row["traceId"]}) > _RANGES:
            yield part
            part, traces = [], set()
        part.append(row)
        traces.add(row["traceId"])
    if part:
        yield part


def _ops(written: Sequence[_Written], *, changed: bool = False) -> list[WriteOp]:
    """Returns the operations that store spans: the spans, the rows of their traces, and what is counted of these."""
    traces: dict[str, list[Span]] = {}
    for one in written:
        traces.setdefault(one.span.trace_id, []).append(one.span)
    roots = {span.trace_id: span for spans in traces.values() for span in spans if span.parent_span_id is None}
    stubs = [stub_row(id) for id in traces if id not in roots]
    ops: list[WriteOp] = [Put(table=SPANS.name, rows=[one.row for one in written], keep=["createdAt"])]
    if roots:
        ops.append(Put(table=ROOTS.name, rows=[root_row(span) for span in roots.values()], keep=_ROOT_COUNTED))
    if stubs:
        ops.append(Put(table=ROOTS.name, rows=stubs, keep=_STUB_KEPT))
    for id, spans in traces.items():
        if edits := mark_edits(spans, changed=changed):
            ops.append(Patch(table=ROOTS.name, keys=[[id]], change=Change(edits=edits)))
    return ops

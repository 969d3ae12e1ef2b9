"""`mastra-convex doctor`: what a deployment, or a file, has of what is needed, and how it answers."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import statistics
import textwrap
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import typer

from mastra_convex.engine.protocol import Commit, Get, IndexRange, Search
from mastra_convex.errors import (
    AuthenticationError,
    ConfigurationError,
    MastraConvexError,
    SchemaMismatchError,
    ServerError,
    UnavailableError,
    ValidationError,
)
from mastra_convex.remote.answers import NOT_FOUND
from mastra_convex.remote.config import RemoteConfig, environment
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.schema_check import SCHEMA_MISMATCH, Lacking, remedy
from mastra_convex.store import ConvexStore, inspect_file
from mastra_convex.tables import CORE_TABLES, RECEIPTS, Table, deployed
from mastra_convex.version import VERSION

if TYPE_CHECKING:
    from mastra_convex.remote.engine import RemoteEngine

_TIMEOUT: Final = 10.0
_PINGS: Final = 5
_CLOCK_MAY_DIFFER_MS: Final = 60_000
_TRACES_KEPT: Final = 30
"""Days after which traces that nobody has pruned are told of."""

_TRACES_COUNTED: Final = 1_000
_STAGES: Final = {"reachable": "it answers", "key": "it is taken", "functions": "they are ours"}
_NO_BREAK: Final = "\u00a0"
_MARKS: Final = {True: "ok", False: "WRONG", None: "?"}


@dataclass(frozen=True)
class Check:
    """Something that was looked at; `ok` is None where it could not be found out. `facts` are for machines."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


def report(checks: Sequence[Check], *, as_json: bool) -> int:
    """Prints the checks; 1 when something is wrong."""
    all_well = all(check.ok is not False for check in checks)
    if as_json:
        found = {"ok": all_well, "package": VERSION, "checks": [asdict(check) for check in checks]}
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        width = shutil.get_terminal_size().columns
        for check in checks:
            typer.echo(_paragraph(f"{_MARKS[check.ok]:<6} {check.name:<10} ", check.detail, width))
            if check.remedy:
                typer.echo(_paragraph(f"{'':<7}{'to do':<10} ", check.remedy, width))
    return 0 if all_well else 1


def _paragraph(label: str, text: str, width: int) -> str:
    """Wraps a text at words, beside its label. Commands and URLs stay whole, so that they can be pasted."""
    indent = " " * len(label)
    wrapped = textwrap.wrap(
        re.sub("`[^`]*`", lambda command: command[0].replace(" ", _NO_BREAK), text),
        max(width - 1, 2 * len(label)),
        initial_indent=label,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(wrapped).replace(_NO_BREAK, " ") or label.rstrip()


def of_file(path: Path, tables: Sequence[Table]) -> list[Check]:
    """Examines a SQLite file."""
    try:
        found = inspect_file(path, tables)
    except MastraConvexError as error:
        return [_failed("file", error)]
    damage = f"damaged: {'; '.join(found.damage)}"
    return [
        Check("file", True, str(path)),
        Check(
            "integrity",
            not found.damage,
            damage if found.damage else "the whole file was read",
            facts={"damage": found.damage},
        ),
        _in_file("tables", found.tables, found.missing_tables),
        _in_file("indexes", found.indexes, found.missing_indexes),
        *([] if found.damage else [_rows(found.damaged_rows, found.damaged_count)]),
        *([] if found.damage or found.missing_tables or found.missing_indexes else _traces_of_file(path)),
    ]


def _traces_of_file(path: Path) -> list[Check]:
    return asyncio.run(_old_traces(ConvexStore.local(path, read_only=True), f" --file {path}"))


async def _old_traces(store: ConvexStore, where: str = "") -> list[Check]:
    """Looks for traces that are old, as they grow for ever unless they are pruned; no fault, but worth knowing."""
    policy = f"{_TRACES_KEPT}d"
    try:
        async with store:
            [found] = await store.prune({"observability": {"traces": policy}}, dry_run=True, max_rows=_TRACES_COUNTED)
    except MastraConvexError as error:
        return [_failed("traces", error, None)]
    if not found.deleted:
        return []
    number = f"{found.deleted}{' or more' if found.deleted == _TRACES_COUNTED else ''}"
    detail = f"older than {_TRACES_KEPT} days: {number}"
    to_do = f"`mastra-convex prune --policy observability.traces={policy}{where}` deletes them"
    return [Check("traces", True, detail, to_do, {"old": found.deleted})]


def _rows(damaged: Sequence[str], count: int) -> Check:
    if not count:
        return Check("rows", True, "each can be read", facts={"damaged": [], "count": 0})
    others = f"; {count - len(damaged)} others" if count > len(damaged) else ""
    wrong = f"{'; '.join(damaged)}{others}"
    return Check("rows", False, wrong, "delete them by their ids", facts={"damaged": damaged, "count": count})


def _failed(name: str, error: MastraConvexError, ok: bool | None = False) -> Check:
    """A check that ended with an error, whose text is: what is wrong; what to do."""
    wrong, _, remedy = error.message.partition("; ")
    return Check(name, ok, wrong, remedy)


def _in_file(what: str, count: int, missing: Sequence[str]) -> Check:
    if not count:
        return Check(what, False, f"it has no {what} of ours: is this the file?", facts={"missing": missing})
    rest = f"; the next use of the file adds {', '.join(missing)}" if missing else ""
    return Check(what, True, f"{count}{rest}", facts={"missing": missing})


def of_deployment(tables: Sequence[Table], storage_function: str, *, allow_http: bool) -> list[Check]:
    """Examines the deployment of the environment."""
    logging.getLogger("mastra_convex.http").setLevel(logging.ERROR)  # what its warnings say is reported
    try:
        config = _config(storage_function, allow_http)
    except ConfigurationError as error:
        return [_failed("url", error)]
    return asyncio.run(_deployment(config, tables))


async def _deployment(config: RemoteConfig, tables: Sequence[Table]) -> list[Check]:
    from mastra_convex.remote.engine import RemoteEngine  # noqa: PLC0415  # with aiohttp, which is slow to import
    from mastra_convex.remote.transport import Transport  # noqa: PLC0415

    transport = Transport(config)
    engine = RemoteEngine(transport, ())  # which needs next to nothing, so that it can tell more
    try:
        checks = [Check("url", True, config.deployment_url), *await _answers(engine)]
        if all(check.ok for check in checks):
            checks += [
                _version(engine.version, config),
                *await _schema(RemoteEngine(transport, tables), tables, config),
            ]
            checks += [*await _writes(engine), await _searches(engine), await _latency(engine)]
        if all(check.ok for check in checks):
            checks += await _old_traces(
                ConvexStore.from_env(storage_function=config.storage_function, allow_http=config.allow_http)
            )
    finally:
        await engine.aclose()
    return checks


def _config(storage_function: str, allow_http: bool) -> RemoteConfig:
    found = environment()
    if found is None:
        raise ConfigurationError("CONVEX_URL is not set; set it with CONVEX_ADMIN_KEY, or pass --file for a file")
    return RemoteConfig(
        deployment_url=found.deployment_url,
        admin_auth_token=found.admin_auth_token,
        storage_function=storage_function,
        timeout=_TIMEOUT,
        retry=RetryPolicy(attempts=2),
        allow_http=allow_http,
    )


async def _answers(engine: RemoteEngine) -> list[Check]:
    """Checks that the deployment is there, takes the key, and has our functions, by one call."""
    try:
        await engine.read([])
    except MastraConvexError as error:
        if isinstance(error, AuthenticationError):
            stage = "key"
        elif isinstance(error, ServerError) and not error.retryable:
            stage = "functions"
        else:
            stage = "reachable"
        passed = list(_STAGES)[: list(_STAGES).index(stage)]
        return [*(Check(name, True, _STAGES[name]) for name in passed), _failed(stage, error)]
    return [Check(name, True, detail) for name, detail in _STAGES.items()]


def _version(version: str | None, config: RemoteConfig) -> Check:
    facts = {"deployed": version}
    if version == VERSION:
        return Check("version", True, VERSION, facts=facts)
    detail = f"the functions are of version {version}, this package is of {VERSION}"
    return Check("version", False, detail, remedy(config.storage_function), facts)


async def _schema(engine: RemoteEngine, tables: Sequence[Table], config: RemoteConfig) -> list[Check]:
    needed = deployed([*tables, *CORE_TABLES]).values()
    missing: Mapping[str, Any] = Lacking().details(engine.version)
    try:
        await engine.read([])
    except SchemaMismatchError as error:
        if error.code != SCHEMA_MISMATCH:
            return [_failed("tables", error)]
        missing = error.details
    except MastraConvexError as error:
        return [_failed("tables", error, None)]
    to_do = remedy(config.storage_function, missing)
    return [
        _present("tables", len(needed), [*missing["tables"], *missing["columns"]], to_do),
        _present("indexes", sum(len(table.indexes) for table in needed), missing["indexes"], to_do),
    ]


def _present(what: str, count: int, missing: Sequence[str], to_do: str) -> Check:
    if not missing:
        return Check(what, True, str(count), facts={"missing": []})
    detail = f"missing, or others than are needed: {', '.join(missing)}"
    return Check(what, False, detail, to_do, {"missing": missing})


async def _writes(engine: RemoteEngine) -> list[Check]:
    """Checks that the key may write, with a commit that leaves a receipt, whose time shows the clock."""
    id = f"doctor-{uuid.uuid4()}"
    started = time.time()
    try:
        result = await engine.commit(Commit(id=id, returning=[Get(table=RECEIPTS.name, keys=[(id,)])]))
    except MastraConvexError as error:
        return [_refused("may write", error)]
    here = (started + time.time()) / 2 * 1000
    receipt = result.returned[0].rows[0] if result.returned else None
    if receipt is None:
        return [Check("may write", True, "it may"), Check("clock", None, "the receipt of the write has no time")]
    difference = round(float(receipt["_creationTime"]) - here)
    detail = f"the server is {abs(difference)} ms {'ahead' if difference > 0 else 'behind'}"
    clock = Check("clock", abs(difference) <= _CLOCK_MAY_DIFFER_MS, detail, facts={"difference_ms": difference})
    return [Check("may write", True, "it may"), clock]


async def _searches(engine: RemoteEngine) -> Check:
    """Checks that the key may search, with a search that makes no sense: only a function that runs refuses it."""
    range = IndexRange(table=RECEIPTS.name, index=RECEIPTS.key)
    try:
        await engine.search(Search(range=range, field="id", vector=[1.0], limit=1))
    except ValidationError:
        return Check("may search", True, "it may")
    except MastraConvexError as error:
        return _refused("may search", error)
    return Check("may search", True, "it may")


def _refused(name: str, error: MastraConvexError) -> Check:
    """Convex may answer a key without the right to call a function as if the function were not there."""
    if isinstance(error, UnavailableError):
        return _failed(name, error, None)
    is_hidden = isinstance(error, ServerError) and error.code == NOT_FOUND
    if isinstance(error, AuthenticationError) or is_hidden:
        return Check(name, False, error.message.partition("; ")[0], "take a deploy key, if this is a read-only key")
    return _failed(name, error)


async def _latency(engine: RemoteEngine) -> Check:
    times: list[float] = []
    try:
        for _ in range(_PINGS):
            started = time.perf_counter()
            await engine.read([])
            times.append((time.perf_counter() - started) * 1000)
    except MastraConvexError as error:
        return _failed("latency", error, None)
    median = round(statistics.median(times), 1)
    detail = f"{median} ms for a call that does nothing, the median of {_PINGS}"
    return Check("latency", True, detail, facts={"median_ms": median, "max_ms": round(max(times), 1)})

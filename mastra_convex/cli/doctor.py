"""`mastra-convex doctor`: what a deployment, or a file, has of what is needed, and how it answers."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

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
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.schema_check import DEPLOY, SCHEMA_MISMATCH
from mastra_convex.remote.transport import Transport
from mastra_convex.store import inspect_file
from mastra_convex.tables import CORE_TABLES, RECEIPTS, Table, deployed
from mastra_convex.version import VERSION

_TIMEOUT: Final = 10.0
_PINGS: Final = 5
_CLOCK_MAY_DIFFER_MS: Final = 60_000
_STAGES: Final = {"reachable": "it answers", "key": "it is taken", "functions": "they are ours"}
_MARKS: Final = {True: "ok", False: "WRONG", None: "?"}


@dataclass(frozen=True)
class Check:
    """Something that was looked at; `ok` is None where it could not be found out. `facts` are for machines."""

    name: str
    ok: bool | None
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


def run(tables: Sequence[Table], *, path: Path | None, storage_function: str, as_json: bool) -> int:
    """Prints the checks of the file, or of the deployment of the environment; 1 when something is wrong."""
    checks = _file(path, tables) if path is not None else asyncio.run(_deployment(storage_function, tables))
    all_well = all(check.ok is not False for check in checks)
    if as_json:
        report = {"ok": all_well, "package": VERSION, "checks": [asdict(check) for check in checks]}
        typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    else:
        for check in checks:
            typer.echo(f"{_MARKS[check.ok]:<6} {check.name:<10} {check.detail}".rstrip())
    return 0 if all_well else 1


def _file(path: Path, tables: Sequence[Table]) -> list[Check]:
    try:
        found = inspect_file(path, tables)
    except MastraConvexError as error:
        return [Check("file", False, error.message)]
    damage = f"damaged: {'; '.join(found.damage)}"
    return [
        Check("file", True, str(path)),
        Check(
            "integrity",
            not found.damage,
            damage if found.damage else "the whole file was read",
            {"damage": found.damage},
        ),
        _in_file("tables", found.tables, found.missing_tables),
        _in_file("indexes", found.indexes, found.missing_indexes),
        *([] if found.damage else [_rows(found.damaged_rows, found.damaged_count)]),
    ]


def _rows(damaged: Sequence[str], count: int) -> Check:
    if not count:
        return Check("rows", True, "each can be read", {"damaged": [], "count": 0})
    others = f"; {count - len(damaged)} others" if count > len(damaged) else ""
    return Check("rows", False, f"{'; '.join(damaged)}{others}", {"damaged": damaged, "count": count})


def _in_file(what: str, count: int, missing: Sequence[str]) -> Check:
    if not count:
        return Check(what, False, f"it has no {what} of ours: is this the file?", {"missing": missing})
    rest = f"; the next use of the file adds {', '.join(missing)}" if missing else ""
    return Check(what, True, f"{count}{rest}", {"missing": missing})


async def _deployment(storage_function: str, tables: Sequence[Table]) -> list[Check]:
    try:
        config = _config(storage_function)
    except ConfigurationError as error:
        return [Check("url", False, error.message)]
    transport = Transport(config)
    engine = RemoteEngine(transport, ())  # which needs next to nothing, so that it can tell more
    try:
        checks = [Check("url", True, config.deployment_url), *await _answers(engine)]
        if all(check.ok for check in checks):
            checks += [_version(engine.version), *await _schema(RemoteEngine(transport, tables), tables)]
            checks += [*await _writes(engine), await _searches(engine), await _latency(engine)]
    finally:
        await engine.aclose()
    return checks


def _config(storage_function: str) -> RemoteConfig:
    found = environment()
    if found is None:
        raise ConfigurationError("CONVEX_URL is not set; set it with CONVEX_ADMIN_KEY, or pass --path for a file")
    return RemoteConfig(
        deployment_url=found.deployment_url,
        admin_auth_token=found.admin_auth_token,
        storage_function=storage_function,
        timeout=_TIMEOUT,
        retry=RetryPolicy(attempts=2),
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
        return [*(Check(name, True, _STAGES[name]) for name in passed), Check(stage, False, error.message)]
    return [Check(name, True, detail) for name, detail in _STAGES.items()]


def _version(version: str | None) -> Check:
    facts = {"deployed": version}
    if version == VERSION:
        return Check("version", True, VERSION, facts)
    detail = f"the functions are of version {version}, this package is of {VERSION}; {DEPLOY}"
    return Check("version", False, detail, facts)


async def _schema(engine: RemoteEngine, tables: Sequence[Table]) -> list[Check]:
    needed = deployed([*tables, *CORE_TABLES]).values()
    try:
        missing = (await engine.probe()).details(engine.version)
    except SchemaMismatchError as error:
        if error.code != SCHEMA_MISMATCH:
            return [Check("tables", False, error.message)]
        missing = error.details
    except MastraConvexError as error:
        return [Check("tables", None, error.message)]
    return [
        _present("tables", len(needed), [*missing["tables"], *missing["columns"]]),
        _present("indexes", sum(len(table.indexes) for table in needed), missing["indexes"]),
    ]


def _present(what: str, count: int, missing: Sequence[str]) -> Check:
    if not missing:
        return Check(what, True, str(count), {"missing": []})
    detail = f"missing, or others than are needed: {', '.join(missing)}; {DEPLOY}"
    return Check(what, False, detail, {"missing": missing})


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
    clock = Check("clock", abs(difference) <= _CLOCK_MAY_DIFFER_MS, detail, {"difference_ms": difference})
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
        return Check(name, None, error.message)
    is_hidden = isinstance(error, ServerError) and error.code == NOT_FOUND
    is_forbidden = isinstance(error, AuthenticationError) or is_hidden
    hint = " (is it a read-only key? Take a deploy key)" if is_forbidden else ""
    return Check(name, False, f"{error.message}{hint}")


async def _latency(engine: RemoteEngine) -> Check:
    times: list[float] = []
    try:
        for _ in range(_PINGS):
            started = time.perf_counter()
            await engine.read([])
            times.append((time.perf_counter() - started) * 1000)
    except MastraConvexError as error:
        return Check("latency", None, error.message)
    median = round(statistics.median(times), 1)
    detail = f"{median} ms for a call that does nothing, the median of {_PINGS}"
    return Check("latency", True, detail, {"median_ms": median, "max_ms": round(max(times), 1)})

"""Claims of runs with a lease, so that a run outlives the process that works on it (docs/contract.md, "Claims")."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import Field as Attribute

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Bound,
    Change,
    Condition,
    DomainStore,
    Edit,
    EmptyGuard,
    Get,
    Guard,
    HoldsGuard,
    Id,
    IndexRange,
    Key,
    KeyGuard,
    Patch,
    Put,
    Record,
    Row,
    Scan,
    UtcDatetime,
    decode_row,
    each,
    encode_columns,
    encode_row,
    equals,
    moment,
    now,
    parse,
    text,
    to_iso,
    to_json,
)
from mastra_convex.errors import ConflictError, MastraConvexError, NotFoundError, ValidationError

from .models import RunStatus, check_statuses
from .tables import CLAIMS, SNAPSHOTS


class RunClaim(Record):
    """Represents the claim of an owner to a run, until its lease ends or somebody else takes the run over.

    Example:
        await store.workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "running"})
        claim = await store.workflows.claim_run("trip", run_id="1", owner="worker-1", lease=timedelta(minutes=1))
        assert claim is not None and claim.fence == 1
        assert await store.workflows.claim_run("trip", run_id="1", owner="worker-2", lease=timedelta(minutes=1)) is None
    """

    workflow_name: Id
    """Names the workflow."""
    run_id: Id
    """Identifies the run within the workflow."""
    owner: Id
    """Names who works on the run: a process, for instance."""
    fence: int = Attribute(strict=True, ge=1, le=MAX_SAFE_INTEGER)
    """Counts the claims of the run. It only grows, so that writes under an older claim can be refused."""
    claimed_at: UtcDatetime
    """Records when the run was claimed, by the owner's clock, in UTC."""
    expires_at: UtcDatetime
    """Says when others may take the run over, in UTC."""


class ClaimMethods(DomainStore):
    """Adds the methods for claims to WorkflowsStore."""

    async def claim_run(
        self,
        workflow_name: str,
        *,
        run_id: str,
        owner: str,
        lease: timedelta,
        expected_status: RunStatus | Sequence[RunStatus] | None = None,
    ) -> RunClaim | None:
        """Claims a run that nobody holds, or whose lease has ended. Of all that try exactly one succeeds.

        This is one atomic round trip. Give the claim to the update methods: they then write only while it is the
        latest. The time is that of this machine: where its clock is fast, leases of others end early by as much.

        Args:
            workflow_name: name of the workflow.
            run_id: id of the run within the workflow.
            owner: who claims it, a name of its own for each process or task.
            lease: how long others wait before they may take the run over.
            expected_status: status, or several, that the stored run must have; None for any.

        Returns:
            The claim; None when somebody else holds the run, or it has another status.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: there is no such run.
        """
        operation = "CLAIM_RUN"
        key = _key(workflow_name, run_id, operation)
        text(owner, "owner", operation=operation)
        time = now()
        expires = _end(time, lease, operation)
        columns = {"owner": owner, "claimed_at": time, "expires_at": expires}
        fresh = encode_row(CLAIMS, {"workflow_name": key[0], "run_id": key[1], **columns, "fence": 0})
        is_held = Condition(path=["expires_at"], operator="gt", value=to_json(to_iso(time)))
        guards: list[Guard] = [
            KeyGuard(guard="exists", table=SNAPSHOTS.name, key=key),
            EmptyGuard(range=IndexRange(table=CLAIMS.name, index=CLAIMS.key, prefix=key, where=[is_held])),
        ]
        if expected_status is not None:
            statuses = check_statuses(expected_status, "expected_status", operation=operation)
            among = Condition(path=("snapshot", "status"), operator="in", value=to_json(statuses))
            guards.append(HoldsGuard(table=SNAPSHOTS.name, key=key, where=[among]))
        change = Change(
            set=encode_columns(CLAIMS, columns), edits=[Edit(path=["fence"], reducer="add", value=to_json(1))]
        )
        put = Put(table=CLAIMS.name, rows=[fresh], keep=[field.name for field in CLAIMS.fields])  # only creates
        result = await self._records.commit(
            [put, Patch(table=CLAIMS.name, keys=[key], change=change)],
            guards=guards,
            returning=[Get(table=CLAIMS.name, keys=[key])],
        )
        if result.guard == 0:
            raise NotFoundError(f"run {run_id!r} not found", operation=operation, status="RUN_NOT_FOUND")
        return None if result.status == "conflict" else _claim(result.returned[0].rows[0], operation)

    async def renew_claim(self, claim: RunClaim, *, lease: timedelta) -> RunClaim | None:
        """Begins the lease of a claim anew, also after it has ended if nobody has taken the run over.

        Args:
            claim: the claim.
            lease: how long others wait from now on.

        Returns:
            The claim with its new end; None when it is no longer the latest, or was released.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "RENEW_CLAIM"
        checked = parse(RunClaim, claim, "claim", operation=operation)
        columns = encode_columns(CLAIMS, {"expires_at": _end(now(), lease, operation)})
        key = (checked.workflow_name, checked.run_id)
        result = await self._records.commit(
            [Patch(table=CLAIMS.name, keys=[key], change=Change(set=columns))],
            guards=[claim_guard(checked)],
            returning=[Get(table=CLAIMS.name, keys=[key])],
        )
        return None if result.status == "conflict" else _claim(result.returned[0].rows[0], operation)

    async def release_claim(self, claim: RunClaim) -> bool:
        """Ends a claim, so that the run can be claimed at once. Returns whether it was still the latest."""
        checked = parse(RunClaim, claim, "claim", operation="RELEASE_CLAIM")
        key = (checked.workflow_name, checked.run_id)
        patch = Patch(table=CLAIMS.name, keys=[key], change=Change(unset=["owner", "expires_at"]))  # the fence stays
        return (await self._records.commit([patch], guards=[claim_guard(checked)])).status == "done"

    async def list_expired_claims(
        self, *, workflow_name: str | None = None, at: datetime | None = None, limit: int | None = None
    ) -> list[RunClaim]:
        """Lists claims whose lease has ended, the longest ended first: runs whose process may have died.

        Args:
            workflow_name: only claims of this workflow; None for all.
            at: the time to compare with, with a time zone; None for now.
            limit: claims at most; None for all.

        Returns:
            The claims. `claim_run` with the `expected_status` of a run that is under way takes one over.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_EXPIRED_CLAIMS"
        if limit is not None and (type(limit) is not int or not 0 <= limit <= MAX_SAFE_INTEGER):
            raise ValidationError("limit must be an integer >= 0, or None for all", operation=operation)
        time = now() if at is None else moment(at, "at", operation=operation)
        where = []
        if workflow_name is not None:
            where = [equals(["workflow_name"], text(workflow_name, "workflow_name", operation=operation))]
        scan = Scan(
            table=CLAIMS.name,
            index="by_expires",
            lower=Bound(value="", inclusive=False),  # a claim that was released has no end
            upper=Bound(value=to_iso(time)),
            where=where,
            limit=limit,
        )
        return await each(lambda row: _claim(row, operation), (await self._records.read(scan)).rows)


def claim_guard(claim: RunClaim) -> HoldsGuard:
    """Returns the guard that a claim is the latest of its run and was not released."""
    where = [equals(["fence"], claim.fence), equals(["owner"], claim.owner)]
    return HoldsGuard(table=CLAIMS.name, key=(claim.workflow_name, claim.run_id), where=where)


def checked_claim(claim: RunClaim | None, key: Key, operation: str) -> list[Guard]:
    """Returns the guards of a write under a claim; ValidationError for the claim of another run."""
    if claim is None:
        return []
    checked = parse(RunClaim, claim, "claim", operation=operation)
    if (checked.workflow_name, checked.run_id) != tuple(key):
        raise ValidationError("claim must be that of the run", operation=operation)
    return [claim_guard(checked)]


def claim_lost(key: Key, operation: str) -> ConflictError:
    """Returns the error for a write under a claim that is no longer the latest."""
    message = f"the claim of run {key[1]!r} was released, or somebody else has taken the run over"
    return ConflictError(message, operation=operation, status="CLAIM_LOST", details={"runId": key[1]})


def _key(workflow_name: str, run_id: str, operation: str) -> tuple[str, str]:
    return text(workflow_name, "workflow_name", operation=operation), text(run_id, "run_id", operation=operation)


def _end(time: datetime, lease: object, operation: str) -> datetime:
    if not isinstance(lease, timedelta) or lease <= timedelta():
        raise ValidationError("lease must be a timedelta longer than nothing", operation=operation)
    try:
        return moment(time + lease, "lease", operation=operation)
    except OverflowError:
        raise ValidationError("lease is longer than time is counted", operation=operation) from None


def _claim(row: Row | None, operation: str) -> RunClaim:
    if row is None:
        raise MastraConvexError("the claim was deleted meanwhile", operation=operation)
    return RunClaim.stored(decode_row(CLAIMS, row))

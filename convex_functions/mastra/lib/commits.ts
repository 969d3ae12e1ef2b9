// Commits: the receipt, the guards, the operations in order, and the rows to return.

import { Budget, MAX_RANGES, RANGE_BYTES, READ_BYTES, READ_ROWS, STEP_ROWS, WHOLE_BYTES } from "./budgets";
import { badRequest, tooLarge } from "./errors";
import { failingGuards } from "./guards";
import type { Commit, CommitResult, GetResult, Outcome, Receipt, WriteOp } from "./protocol";
import { get } from "./reads";
import { RECEIPTS, tableNamed, type Writer } from "./tables";
import { Transaction } from "./transaction";
import { parsed } from "./values";
import { deleteKeys, patch, put, writeRange } from "./writes";

/** Applies one step of a commit, or answers with the receipt of an earlier call that applied it. */
export async function commit(db: Writer, request: Commit): Promise<CommitResult> {
  const transaction = new Transaction(db);
  let receipt = await findReceipt(transaction, request.id);
  if (receipt === null) {
    receipt = await step(transaction, request);
    await saveReceipt(transaction, request.id, receipt);
  }
  return { ...receipt, returned: receipt.status === "conflict" ? [] : await returned(transaction, request) };
}

/** Reads the rows that the commit returns, as they are after this step. */
async function returned(transaction: Transaction, request: Commit): Promise<GetResult[]> {
  const budget = new Budget(READ_ROWS, READ_BYTES);
  const results: GetResult[] = [];
  for (const op of request.returning ?? []) results.push(await get(transaction.find, op, budget));
  return results;
}

/** Checks the guards, then applies the operations in order, as far as the budget goes. */
async function step(transaction: Transaction, request: Commit): Promise<Receipt> {
  const ops = request.ops ?? [];
  const start = startOf(request.resume, ops);
  const mode = request.mode ?? "whole";
  const guards = start === undefined ? (request.guards ?? []) : [];
  const first = start?.position ?? 0;
  const budget = new Budget(
    mode === "whole" ? Infinity : STEP_ROWS,
    mode === "whole" ? WHOLE_BYTES : RANGE_BYTES,
    rangesOf(request, ops.slice(first)) + guards.length,
  );
  if (budget.ranges > MAX_RANGES) {
    throw tooLarge(`a commit of ${budget.ranges} index ranges; at most ${MAX_RANGES} fit`, "ranges");
  }

  const failed = await failingGuards(transaction.db, guards, transaction.find);
  if (failed.length > 0) return { status: "conflict", guard: failed[0], failed, outcomes: [] };

  const outcomes = ops.map((): Outcome => ({ changed: 0, missing: [] }));
  for (const [position, op] of ops.entries()) {
    if (position < first) continue;
    if (op.op === "patchRange" || op.op === "deleteRange") {
      const cursor = start?.position === position ? start.cursor : null;
      const outcome = await writeRange(transaction, op, budget, mode, cursor);
      outcomes[position] = { changed: outcome.changed, missing: [] };
      if (outcome.cursor !== undefined) {
        return { status: "more", outcomes, resume: JSON.stringify([position, outcome.cursor]) };
      }
    } else {
      outcomes[position] = await write(transaction, op, budget);
    }
  }
  return { status: "done", outcomes };
}

function write(
  transaction: Transaction,
  op: Exclude<WriteOp, { range: unknown }>,
  budget: Budget,
): Promise<Outcome> {
  switch (op.op) {
    case "put":
      return put(transaction, op, budget);
    case "patch":
      return patch(transaction, op, budget);
    case "delete":
      return deleteKeys(transaction, op, budget);
  }
}

/** Reads at which operation a resumed commit goes on, and the cursor in its range; undefined for a new commit. */
function startOf(
  resume: string | null | undefined,
  ops: readonly WriteOp[],
): { position: number; cursor: string | null } | undefined {
  if (resume == null) return undefined;
  const start = parsed(resume);
  const [position, cursor] = Array.isArray(start) ? start : [];
  if (typeof position === "number" && (cursor === null || typeof cursor === "string")) {
    const op = ops[position];
    if (op !== undefined && "range" in op) return { position, cursor };
  }
  throw badRequest("malformed resume");
}

/** Counts the index ranges that a commit may need, without guards and the rows that range operations change. */
function rangesOf(request: Commit, ops: readonly WriteOp[]): number {
  let ranges = 1; // the receipt
  for (const { keys } of request.returning ?? []) ranges += keys.length;
  for (const op of ops) ranges += "range" in op ? 1 : 2 * (op.op === "put" ? op.rows : op.keys).length;
  return ranges;
}

/** Finds the outcome of an earlier commit with this id, null when there was none. */
async function findReceipt(transaction: Transaction, id: string): Promise<Receipt | null> {
  const row = await transaction.find(tableNamed(RECEIPTS), [id]);
  return row === null ? null : (JSON.parse(String(row.doc["outcome"])) as Receipt);
}

/** Keeps the outcome, so that a commit whose answer was lost can be repeated without writing again. */
async function saveReceipt(transaction: Transaction, id: string, receipt: Receipt): Promise<void> {
  await transaction.insert(tableNamed(RECEIPTS), { id, outcome: JSON.stringify(receipt) });
}

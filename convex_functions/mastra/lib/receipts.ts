// A receipt per commit, so that one whose answer was lost can be repeated without writing again.

import { Budget, READ_BYTES, SWEEP_AGE_MS, SWEEP_ROWS } from "./budgets";
import { rowByKey, rowsInRange, tableNamed, type Constraint, type Doc, type Reader, type Writer } from "./tables";
import type { Receipt } from "./validators";

const RECEIPTS: string = "mastra_receipts";

export async function findReceipt(db: Reader, id: string): Promise<Receipt | null> {
  const row = await rowByKey(db, tableNamed(RECEIPTS), [id]);
  return row === null ? null : (JSON.parse(String(row["outcome"])) as Receipt);
}

export async function saveReceipt(db: Writer, id: string, receipt: Receipt): Promise<void> {
  await db.insert(RECEIPTS, { id, outcome: JSON.stringify(receipt) });
}

/** Removes receipts that nobody asks for any more, some at a time. */
export async function sweep(db: Writer, now: number): Promise<{ deleted: number; done: boolean }> {
  const old: Doc[] = [];
  const budget = new Budget(SWEEP_ROWS, READ_BYTES / 2);
  const range: Constraint[] = [["lt", "_creationTime", now - SWEEP_AGE_MS]];
  for await (const row of rowsInRange(db, tableNamed(RECEIPTS), "by_creation_time", range, "asc")) {
    budget.charge(row);
    old.push(row);
    if (budget.spent) break;
  }
  await Promise.all(old.map((row) => db.delete(RECEIPTS, row._id)));
  return { deleted: old.length, done: budget.spent === undefined };
}

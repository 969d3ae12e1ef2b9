// A receipt per commit, so that one whose answer was lost can be repeated without writing again.

import type { Budget } from "./budgets";
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

/** Removes receipts from before a time, as many as the budget has room for; tells how many. */
export async function sweepReceipts(db: Writer, until: number, budget: Budget): Promise<number> {
  const old: Doc[] = [];
  const range: Constraint[] = [["lt", "_creationTime", until]];
  for await (const row of rowsInRange(db, tableNamed(RECEIPTS), "by_creation_time", range, "asc")) {
    budget.charge(row);
    old.push(row);
    if (budget.spent) break;
  }
  await Promise.all(old.map((row) => db.delete(RECEIPTS, row._id)));
  return old.length;
}

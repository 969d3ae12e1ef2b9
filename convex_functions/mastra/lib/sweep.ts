// The sweep: deletes old receipts, and large values that no row references.

import { layout } from "../schema";
import { Budget, SWEEP_BYTES, SWEEP_ROWS } from "./budgets";
import { generations } from "./large_values";
import {
  CHUNKS,
  LARGE_VALUES,
  RECEIPTS,
  rowByKey,
  rowsInRange,
  tableNamed,
  type Constraint,
  type Doc,
  type Scalar,
  type Writer,
} from "./tables";
import { own } from "./values";

/** Receipts and dropped large values are kept for an hour. */
const KEPT_MS = 60 * 60 * 1_000;
/** A live large value is checked again after a week, as other writers do not mark what they drop. */
const TRUSTED_MS = 7 * 24 * KEPT_MS;

/** A step takes at most this many large values of a state, so that their chunks and rows fit the budget, too. */
const VALUES_AT_ONCE = 100;

/** Makes one bounded step; returns how many rows it deleted, and whether nothing is left to do. */
export async function sweep(db: Writer, now: number): Promise<{ deleted: number; done: boolean }> {
  const budget = new Budget(SWEEP_ROWS, SWEEP_BYTES);
  let deleted = await sweepReceipts(db, now - KEPT_MS, budget);
  let most = 0;
  for (const state of ["dropped", "pending"]) {
    const values = await valuesIn(db, state, now - KEPT_MS, budget);
    most = Math.max(most, values.length);
    deleted += await removeValues(db, values, now, budget);
  }
  const live = await valuesIn(db, "live", now - TRUSTED_MS, budget);
  await look(db, live, now, budget);
  return { deleted, done: budget.spent === undefined && Math.max(most, live.length) < VALUES_AT_ONCE };
}

/**
 * Deletes values that were dropped or never finished: first the chunks, then the row that names them. A value that a
 * row references again becomes live: another writer has put back what it had read before.
 */
async function removeValues(db: Writer, values: readonly Doc[], now: number, budget: Budget): Promise<number> {
  let deleted = 0;
  for (const value of values) {
    if ((await isReferredTo(db, value, budget)) === true) {
      await db.patch(LARGE_VALUES, value._id, { state: "live", since: now });
      continue;
    }
    const range: Constraint[] = [["eq", "generation", idOf(value)]];
    const chunks = await some(rowsInRange(db, tableNamed(CHUNKS), "by_generation", range, "asc"), budget);
    await Promise.all(chunks.map((chunk) => db.delete(CHUNKS, chunk._id)));
    deleted += chunks.length;
    if (budget.spent) break; // there may be more chunks
    await db.delete(LARGE_VALUES, value._id);
    deleted += 1;
  }
  return deleted;
}

/** Marks values as dropped that no row references any more, and the others as checked now. */
async function look(db: Writer, values: readonly Doc[], now: number, budget: Budget): Promise<void> {
  for (const value of values) {
    const state = (await isReferredTo(db, value, budget)) === false ? "dropped" : "live";
    await db.patch(LARGE_VALUES, value._id, { state, since: now });
    if (budget.spent) return;
  }
}

/** Tells whether the owner of a value references it; undefined where only other functions know the owner's table. */
async function isReferredTo(db: Writer, value: Doc, budget: Budget): Promise<boolean | undefined> {
  const [name, ...key] = JSON.parse(String(value["owner"])) as [string, ...Scalar[]];
  if (own(layout, name) === undefined) return undefined;
  const row = await rowByKey(db, tableNamed(name), key);
  if (row !== null) budget.charge(row);
  return row !== null && generations(tableNamed(name), row).has(idOf(value));
}

/** Returns the values that have been in a state since before a time. */
const valuesIn = (db: Writer, state: string, until: number, budget: Budget) => {
  const range: Constraint[] = [["eq", "state", state], ["lt", "since", until]];
  return some(rowsInRange(db, tableNamed(LARGE_VALUES), "by_state", range, "asc"), budget, VALUES_AT_ONCE);
};

/** Reads as many rows as the budget has room for. */
async function some(rows: AsyncIterable<Doc>, budget: Budget, limit = Infinity): Promise<Doc[]> {
  const found: Doc[] = [];
  if (budget.spent) return found;
  for await (const row of rows) {
    budget.charge(row);
    found.push(row);
    if (budget.spent || found.length >= limit) break;
  }
  return found;
}

const idOf = (value: Doc) => String(value["id"]);

/** Deletes receipts from before a time, as many as the budget has room for; returns how many. */
async function sweepReceipts(db: Writer, until: number, budget: Budget): Promise<number> {
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

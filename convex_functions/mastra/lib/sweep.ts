// Removing what nobody needs any more: old receipts, and large values that no row refers to.

import { layout } from "../schema";
import { Budget, SWEEP_BYTES, SWEEP_ROWS } from "./budgets";
import { CHUNKS, generations, VALUES } from "./large";
import { sweepReceipts } from "./receipts";
import { rowByKey, rowsInRange, tableNamed, type Doc, type Scalar, type Writer } from "./tables";
import { own } from "./values";

const KEPT_MS = 60 * 60 * 1_000;
/** How long a large value counts as referred to since that was last seen: other writers do not say what they drop. */
const TRUSTED_MS = 7 * 24 * KEPT_MS;

/** One bounded step: how many rows it deleted, and whether nothing is left to do. */
export async function sweep(db: Writer, now: number): Promise<{ deleted: number; done: boolean }> {
  const budget = new Budget(SWEEP_ROWS, SWEEP_BYTES);
  let deleted = await sweepReceipts(db, now - KEPT_MS, budget);
  for (const state of ["dropped", "pending"]) deleted += await removeValues(db, state, now - KEPT_MS, budget);
  await look(db, now, budget);
  return { deleted, done: budget.spent === undefined };
}

/** Removes values that were dropped, or left behind unfinished, before a time: the chunks, then what names them. */
async function removeValues(db: Writer, state: string, until: number, budget: Budget): Promise<number> {
  let deleted = 0;
  for (const value of await valuesIn(db, state, until, budget)) {
    const chunks = await some(rowsInRange(db, tableNamed(CHUNKS), "by_generation", [["eq", "generation", idOf(value)]], "asc"), budget);
    await Promise.all(chunks.map((chunk) => db.delete(CHUNKS, chunk._id)));
    deleted += chunks.length;
    if (budget.spent) break; // perhaps not all of them
    await db.delete(VALUES, value._id);
    deleted += 1;
  }
  return deleted;
}

/** Looks whether rows still refer to values of which that was not seen for long. */
async function look(db: Writer, now: number, budget: Budget): Promise<void> {
  for (const value of await valuesIn(db, "live", now - TRUSTED_MS, budget)) {
    const state = (await isReferredTo(db, value, budget)) ? "live" : "dropped";
    await db.patch(VALUES, value._id, { state, since: now });
    if (budget.spent) return;
  }
}

async function isReferredTo(db: Writer, value: Doc, budget: Budget): Promise<boolean> {
  const [name, ...key] = JSON.parse(String(value["owner"])) as [string, ...Scalar[]];
  if (own(layout, name) === undefined) return true; // a table of functions that are deployed elsewhere: they will look
  const row = await rowByKey(db, tableNamed(name), key);
  if (row !== null) budget.charge(row);
  return row !== null && generations(tableNamed(name), row).has(idOf(value));
}

const valuesIn = (db: Writer, state: string, until: number, budget: Budget) =>
  some(rowsInRange(db, tableNamed(VALUES), "by_state", [["eq", "state", state], ["lt", "since", until]], "asc"), budget);

/** As many rows as the budget has room for. */
async function some(rows: AsyncIterable<Doc>, budget: Budget): Promise<Doc[]> {
  const found: Doc[] = [];
  if (budget.spent) return found;
  for await (const row of rows) {
    budget.charge(row);
    found.push(row);
    if (budget.spent) break;
  }
  return found;
}

const idOf = (value: Doc) => String(value["id"]);

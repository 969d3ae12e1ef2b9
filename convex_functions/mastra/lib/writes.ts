// Puts, patches and deletes of rows, by their keys or in an index range.

import { getDocumentSize, type Value } from "convex/values";
import { MAX_RANGES, RANGES_TO_DROP, WHOLE_BYTES, type Budget } from "./budgets";
import { changeOf } from "./changes";
import { predicate } from "./conditions";
import { cursorText, parseCursor, positionOf } from "./cursors";
import { badRequest, tooLarge } from "./errors";
import { generations, ownerOf } from "./large_values";
import type { OpenRow } from "./open_row";
import type { Outcome, WriteOp } from "./protocol";
import { rowsOfScan, scanOf } from "./scan";
import {
  checkColumns,
  indexFields,
  LARGE_VALUES,
  tableNamed,
  type Columns,
  type Doc,
  type Scalar,
  type Table,
} from "./tables";
import type { Transaction } from "./transaction";
import { isObject } from "./values";

type Key = readonly Scalar[];
type Op<Name> = Extract<WriteOp, { op: Name }>;

/** Inserts rows, or replaces the rows with their keys. */
export async function put(transaction: Transaction, op: Op<"put">, budget: Budget): Promise<Outcome> {
  const table = tableNamed(op.table);
  const keep = op.keep ?? [];
  checkColumns(table, keep);
  const rows = op.rows.map((row: Value): Columns => {
    if (!isObject(row)) throw badRequest("a row is an object");
    if (!op.extra) checkColumns(table, Object.keys(row));
    return row;
  });
  const keys = rows.map((row) => keyOf(table, row));
  const existing = await rowsByKeys(transaction, table, keys);
  const last = new Map(rows.map((row, n) => [keyText(keys[n]!), row]));
  const inserts: Columns[] = [];
  const writes: Write[] = [];
  for (const [key, row] of last) {
    const old = existing.get(key);
    if (old) writes.push(writeOf(table, old.doc, replacement(table, old.doc, row, keep)));
    else inserts.push(row);
  }
  await Promise.all(inserts.map((row) => transaction.insert(table, row)));
  await apply(transaction, table, writes, budget);
  return { changed: last.size, missing: missingIn(existing, keys) };
}

function keyOf(table: Table, row: Columns): Scalar[] {
  return indexFields(table, table.key).map((field) => {
    const value = row[field];
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return value;
    }
    throw badRequest(`a row of ${table.name} needs ${field}, a part of its key`);
  });
}

/** Returns the columns to write: all declared ones and those of the row, without those in `keep` that the old row has. */
function replacement(table: Table, old: Doc, columns: Columns, keep: readonly string[]): Columns {
  const named = [...new Set([...table.fields, ...Object.keys(columns)])];
  const replaced = named.filter((field) => !keep.includes(field) || old[field] === undefined);
  return Object.fromEntries(replaced.map((field) => [field, columns[field]]));
}

/** Changes the rows with these keys. */
export async function patch(transaction: Transaction, op: Op<"patch">, budget: Budget): Promise<Outcome> {
  const table = tableNamed(op.table);
  const change = changeOf(table, op.change);
  return writeKeys(transaction, table, op.keys, budget, (row) => writeOf(table, row.doc, change(row)));
}

/** Deletes the rows with these keys. */
export async function deleteKeys(transaction: Transaction, op: Op<"delete">, budget: Budget): Promise<Outcome> {
  const table = tableNamed(op.table);
  return writeKeys(transaction, table, op.keys, budget, (row) => writeOf(table, row.doc));
}

async function writeKeys(
  transaction: Transaction,
  table: Table,
  keys: readonly Key[],
  budget: Budget,
  write: (row: OpenRow) => Write,
): Promise<Outcome> {
  const existing = await rowsByKeys(transaction, table, keys);
  const writes = [...existing.values()].flatMap((row) => (row === null ? [] : [write(row)]));
  await apply(transaction, table, writes, budget);
  return { changed: writes.length, missing: missingIn(existing, keys) };
}

const keyText = (key: Key) => JSON.stringify(key);

/** Looks up the rows of the different keys together; a key that is repeated counts once. */
async function rowsByKeys(
  transaction: Transaction,
  table: Table,
  keys: readonly Key[],
): Promise<Map<string, OpenRow | null>> {
  const different = [...new Map(keys.map((key) => [keyText(key), key]))];
  const found = await Promise.all(different.map(([, key]) => transaction.find(table, key)));
  return new Map(different.map(([text], n) => [text, found[n]!]));
}

const missingIn = (existing: Map<string, OpenRow | null>, keys: readonly Key[]) =>
  keys.flatMap((key, position) => (existing.get(keyText(key)) ? [] : [position]));

/** A row, its changed columns (undefined if it is deleted), and the large values that it no longer references. */
type Write = { readonly doc: Doc; readonly columns: Columns | undefined; readonly dropped: readonly string[] };

function writeOf(table: Table, doc: Doc, columns?: Columns): Write {
  if (table.large.length === 0) return { doc, columns, dropped: [] };
  const kept = columns === undefined ? new Set<string>() : generations(table, { ...doc, ...columns });
  return { doc, columns, dropped: [...generations(table, doc)].filter((generation) => !kept.has(generation)) };
}

/** Writes rows. All changes are made before the first write, so that one that fails leaves no write under way. */
async function apply(transaction: Transaction, table: Table, writes: readonly Write[], budget?: Budget) {
  if (budget !== undefined) {
    for (const { dropped } of writes) budget.ranges += RANGES_TO_DROP * dropped.length;
    if (budget.ranges > MAX_RANGES) throw tooLarge("the rows of this commit refer to too many large values", "ranges");
  }
  const write = ({ doc, columns }: Write) =>
    columns === undefined ? transaction.delete(table, doc) : transaction.patch(table, doc, columns);
  await Promise.all(writes.map(write));
  const drops = writes.flatMap(({ doc, dropped }) =>
    dropped.map((generation) => drop(transaction, ownerOf(table, doc), generation)),
  );
  await Promise.all(drops);
}

/** Marks a large value that a row no longer references as dropped; the sweep deletes it an hour later. */
async function drop(transaction: Transaction, owner: string, generation: string): Promise<void> {
  const values = tableNamed(LARGE_VALUES);
  const value = await transaction.find(values, [generation]);
  if (value?.doc["owner"] !== owner) return;
  await transaction.patch(values, value.doc, { state: "dropped", since: Date.now() });
}

type RangeOp = Extract<WriteOp, { op: "patchRange" | "deleteRange" }>;

/** The number of rows written, and the cursor to go on from, undefined when the range is done. */
export type RangeOutcome = { changed: number; cursor: string | null | undefined };

/** Changes or deletes the rows of an index range, as many as the budget allows. */
export async function writeRange(
  transaction: Transaction,
  op: RangeOp,
  budget: Budget,
  mode: "whole" | "resumable",
  cursor: string | null,
): Promise<RangeOutcome> {
  const scan = scanOf({ ...op.range, prefixes: [op.range.prefix ?? []] });
  const { table, restFields } = scan;
  const holds = predicate(table, op.range.where);
  const change = op.op === "patchRange" ? changeOf(table, op.change) : undefined;
  const after = cursor === null ? undefined : parseCursor(cursor, restFields.length);

  // All rows are collected before the first write: a changed row may move within the index.
  const writes: Write[] = [];
  let last: Doc | undefined;
  let complete = true;
  for await (const row of rowsOfScan(transaction.db, scan, after, { ranges: 0 })) {
    if (budget.spent) {
      if (mode === "whole" || budget.rows === 0) throw doesNotFit(budget.spent);
      complete = false;
      break;
    }
    const { doc } = row;
    budget.charge(doc);
    last = doc;
    if (holds(row)) {
      const write = writeOf(table, doc, change?.(row));
      budget.ranges += 1 + RANGES_TO_DROP * write.dropped.length;
      budget.bytes += growth(write) + (mode === "whole" ? getDocumentSize(doc) : 0);
      writes.push(write);
    }
    if (mode === "whole" && budget.bytes > WHOLE_BYTES) throw doesNotFit("bytes");
  }

  await apply(transaction, table, writes);
  const reached = last === undefined ? cursor : cursorText(positionOf(last, restFields));
  return { changed: writes.length, cursor: complete ? undefined : reached };
}

/** Returns how many bytes larger a row becomes. */
function growth({ doc, columns }: Write): number {
  if (columns === undefined) return 0;
  return Math.max(0, getDocumentSize({ ...doc, ...columns } as Doc) - getDocumentSize(doc));
}

const doesNotFit = (what: string) =>
  tooLarge(`the ranges of this commit take more ${what} than one transaction has`, what);

// put, patch and delete, by key or of an index range.

import { getDocumentSize, type Value } from "convex/values";
import { MAX_RANGES, RANGES_TO_DROP, WHOLE_BYTES, type Budget } from "./budgets";
import { changeOf } from "./changes";
import { predicate } from "./conditions";
import { cursorText, parseCursor, positionOf } from "./cursors";
import { badRequest, tooLarge } from "./errors";
import { generations, ownerName } from "./large_values";
import type { Outcome, WriteOp } from "./protocol";
import { rowsOfSpan, spanOf } from "./scan";
import {
  checkColumns,
  indexFields,
  LARGE_VALUES,
  rowByKey,
  tableNamed,
  type Columns,
  type Doc,
  type Scalar,
  type Table,
  type Writer,
} from "./tables";
import { isObject } from "./values";

type Key = readonly Scalar[];
type Op<Name> = Extract<WriteOp, { op: Name }>;

export async function put(db: Writer, op: Op<"put">, budget: Budget): Promise<Outcome> {
  const table = tableNamed(op.table);
  const keep = op.keep ?? [];
  checkColumns(table, keep);
  const rows = op.rows.map((row: Value): Columns => {
    if (!isObject(row)) throw badRequest("a row is an object");
    checkColumns(table, Object.keys(row));
    return row;
  });
  const keys = rows.map((row) => keyOf(table, row));
  const existing = await rowsByKeys(db, table, keys);
  const last = new Map(rows.map((row, n) => [keyText(keys[n]!), row]));
  const write = async ([key, row]: [string, Columns]) => {
    const old = existing.get(key);
    if (old) await patchRows(db, table, [[old, replacement(table, old, row, keep)]], budget);
    else await db.insert(table.name, row as { [column: string]: Value });
  };
  await Promise.all([...last].map(write));
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

/** All declared columns: those the new row lacks are removed, kept ones left out if the old row has them. */
function replacement(table: Table, old: Doc, columns: Columns, keep: readonly string[]): Columns {
  const replaced = table.fields.filter((field) => !keep.includes(field) || old[field] === undefined);
  return Object.fromEntries(replaced.map((field) => [field, columns[field]]));
}

export async function patch(db: Writer, op: Op<"patch">, budget: Budget): Promise<Outcome> {
  const table = tableNamed(op.table);
  const changed = changeOf(table, op.change);
  const changes = (rows: readonly Doc[]) => rows.map((row): [Doc, Columns] => [row, changed(row)]);
  return forEachRow(db, table, op.keys, (rows) => patchRows(db, table, changes(rows), budget));
}

export async function deleteKeys(db: Writer, op: Op<"delete">, budget: Budget): Promise<Outcome> {
  const table = tableNamed(op.table);
  return forEachRow(db, table, op.keys, (rows) => deleteRows(db, table, rows, budget));
}

/** All changes were made before the first write, so that one that fails leaves no write under way. */
async function patchRows(
  db: Writer,
  table: Table,
  changes: readonly (readonly [Doc, Columns])[],
  budget?: Budget,
) {
  await Promise.all(changes.map(([row, columns]) => db.patch(table.name, row._id, columns)));
  const changed = changes.map(([row, columns]): [Doc, Columns] => [row, { ...row, ...columns }]);
  await dropValues(db, table, changed, budget);
}

async function deleteRows(db: Writer, table: Table, rows: readonly Doc[], budget?: Budget) {
  await Promise.all(rows.map((row) => db.delete(table.name, row._id)));
  const deleted = rows.map((row): [Doc, undefined] => [row, undefined]);
  await dropValues(db, table, deleted, budget);
}

/** The generations that a row no longer refers to when it has become `now`, all of them if it was deleted. */
function droppedBy(table: Table, row: Columns, now: Columns | undefined): string[] {
  if (table.large.length === 0) return [];
  const kept = now === undefined ? new Set<string>() : generations(table, now);
  return [...generations(table, row)].filter((generation) => !kept.has(generation));
}

/**
 * Notes of the values that rows referred to which of them they no longer do; `sweep` removes those. Each row comes with
 * what it has become, nothing if it was deleted.
 */
async function dropValues(
  db: Writer,
  table: Table,
  rows: readonly (readonly [Doc, Columns | undefined])[],
  budget?: Budget,
): Promise<void> {
  const dropped = rows.flatMap(([row, now]) => {
    return droppedBy(table, row, now).map((generation) => ({ owner: ownerName(table, row), generation }));
  });
  if (budget !== undefined) {
    budget.ranges += RANGES_TO_DROP * dropped.length;
    if (budget.ranges > MAX_RANGES) throw tooLarge("the rows of this commit refer to too many large values", "ranges");
  }
  await Promise.all(dropped.map(({ owner, generation }) => drop(db, owner, generation)));
}

async function drop(db: Writer, owner: string, generation: string): Promise<void> {
  const value = await rowByKey(db, tableNamed(LARGE_VALUES), [generation]);
  if (value?.["owner"] === owner) await db.patch(LARGE_VALUES, value._id, { state: "dropped", since: Date.now() });
}

async function forEachRow(
  db: Writer,
  table: Table,
  keys: readonly Key[],
  write: (rows: readonly Doc[]) => Promise<void>,
): Promise<Outcome> {
  const existing = await rowsByKeys(db, table, keys);
  const rows = [...existing.values()].flatMap((row) => row ?? []);
  await write(rows);
  return { changed: rows.length, missing: missingIn(existing, keys) };
}

const keyText = (key: Key) => JSON.stringify(key);

/** The rows of the different keys, looked up together: a key that is repeated counts once. */
async function rowsByKeys(db: Writer, table: Table, keys: readonly Key[]): Promise<Map<string, Doc | null>> {
  const different = [...new Map(keys.map((key) => [keyText(key), key]))];
  const found = await Promise.all(different.map(([, key]) => rowByKey(db, table, key)));
  return new Map(different.map(([text], n) => [text, found[n]!]));
}

const missingIn = (existing: Map<string, Doc | null>, keys: readonly Key[]) =>
  keys.flatMap((key, position) => (existing.get(keyText(key)) ? [] : [position]));

type RangeOp = Extract<WriteOp, { op: "patchRange" | "deleteRange" }>;

/** `cursor` says where to go on, and is undefined when the range is done. */
export type RangeOutcome = { changed: number; cursor: string | null | undefined };

export async function writeRange(
  db: Writer,
  op: RangeOp,
  budget: Budget,
  mode: "whole" | "resumable",
  cursor: string | null,
): Promise<RangeOutcome> {
  const span = spanOf({ ...op.range, prefixes: [op.range.prefix ?? []] });
  const { table, restFields } = span;
  const holds = predicate(table, op.range.where);
  const changed = op.op === "patchRange" ? changeOf(table, op.change) : undefined;
  const after = cursor === null ? undefined : parseCursor(cursor, restFields.length);

  // All rows are collected before the first write: a changed row may move within the index.
  const rows: Doc[] = [];
  const changes: [Doc, Columns][] = [];
  let last: Doc | undefined;
  let complete = true;
  for await (const row of rowsOfSpan(db, span, after, { ranges: 0 })) {
    if (budget.spent) {
      if (mode === "whole" || budget.rows === 0) throw doesNotFit(budget.spent);
      complete = false;
      break;
    }
    budget.charge(row);
    last = row;
    if (holds(row)) {
      const columns = changed?.(row);
      const dropped = droppedBy(table, row, columns && { ...row, ...columns });
      budget.ranges += 1 + RANGES_TO_DROP * dropped.length;
      rows.push(row);
      if (mode === "whole") budget.bytes += getDocumentSize(row);
      if (columns) {
        changes.push([row, columns]);
        budget.bytes += growth(row, columns);
      }
    }
    if (mode === "whole" && budget.bytes > WHOLE_BYTES) throw doesNotFit("bytes");
  }

  if (changed) await patchRows(db, table, changes);
  else await deleteRows(db, table, rows);
  const reached = last === undefined ? cursor : cursorText(positionOf(last, restFields));
  return { changed: rows.length, cursor: complete ? undefined : reached };
}

/** The bytes that are written of a row beyond those that were read. */
const growth = (row: Doc, columns: Columns) =>
  Math.max(0, getDocumentSize({ ...row, ...columns } as Doc) - getDocumentSize(row));

const doesNotFit = (what: string) =>
  tooLarge(`the ranges of this commit take more ${what} than one transaction has`, what);

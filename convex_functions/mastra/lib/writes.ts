// put, patch and delete by key.

import type { Value } from "convex/values";
import { badRequest } from "./errors";
import { givenValue } from "./conditions";
import { changedColumn, columnOf } from "./paths";
import { reducer } from "./reducers";
import {
  checkColumns,
  indexFields,
  rowByKey,
  tableNamed,
  type Columns,
  type Doc,
  type Scalar,
  type Table,
  type Writer,
} from "./tables";
import type { Change, Outcome, WriteOp } from "./validators";
import { isObject } from "./values";

type Op<Name> = Extract<WriteOp, { op: Name }>;

export async function put(db: Writer, op: Op<"put">): Promise<Outcome> {
  const table = tableNamed(op.table);
  checkColumns(table, op.keep ?? []);
  const winners = new Map<string, { key: Scalar[]; columns: Columns; position: number }>();
  op.rows.forEach((row: Value, position) => {
    if (!isObject(row)) throw badRequest("a row is an object");
    checkColumns(table, Object.keys(row));
    const key = keyOf(table, row);
    winners.set(JSON.stringify(key), { key, columns: row, position });
  });
  const rows = [...winners.values()];
  const existing = await Promise.all(rows.map(({ key }) => rowByKey(db, table, key)));
  await Promise.all(
    rows.map(({ columns }, n) => {
      const old = existing[n];
      if (!old) return db.insert(table.name, columns as { [column: string]: Value });
      return db.patch(table.name, old._id, replacement(table, old, columns, op.keep ?? []));
    }),
  );
  const missing = rows.filter((_, n) => !existing[n]).map(({ position }) => position);
  return { changed: rows.length, missing: missing.sort((a, b) => a - b) };
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

export function patch(db: Writer, op: Op<"patch">): Promise<Outcome> {
  const table = tableNamed(op.table);
  const changed = changeOf(table, op.change);
  return forEachRow(db, table, op.keys, (row) => db.patch(table.name, row._id, changed(row)));
}

export function deleteKeys(db: Writer, op: Op<"delete">): Promise<Outcome> {
  const table = tableNamed(op.table);
  return forEachRow(db, table, op.keys, (row) => db.delete(table.name, row._id));
}

/** Keys that differ are handled together; one that is repeated sees what was done before. */
async function forEachRow(
  db: Writer,
  table: Table,
  keys: readonly (readonly Scalar[])[],
  write: (row: Doc) => Promise<void>,
): Promise<Outcome> {
  const missing: number[] = [];
  for (const round of rounds(keys)) {
    const found = await Promise.all(round.map(({ key }) => rowByKey(db, table, key)));
    round.forEach(({ position }, n) => found[n] || missing.push(position));
    await Promise.all(found.map((row) => row && write(row)));
  }
  return { changed: keys.length - missing.length, missing: missing.sort((a, b) => a - b) };
}

type Round = { key: readonly Scalar[]; position: number }[];

function rounds(keys: readonly (readonly Scalar[])[]): Round[] {
  const seen = new Map<string, number>();
  const found: Round[] = [];
  keys.forEach((key, position) => {
    const text = JSON.stringify(key);
    const round = seen.get(text) ?? 0;
    seen.set(text, round + 1);
    (found[round] ??= []).push({ key, position });
  });
  return found;
}

/** The columns that a change gives a row; undefined for those it removes. What is wrong with it is reported now. */
export function changeOf(table: Table, change: Change): (row: Doc) => Columns {
  const columns: Value = change.set ?? {};
  if (!isObject(columns)) throw badRequest("`set` is an object of columns");
  const unset = (change.unset ?? []).map((column): [string, undefined] => [column, undefined]);
  const fixed: Columns = { ...columns, ...Object.fromEntries(unset) };
  checkColumns(table, Object.keys(fixed));
  const edits = (change.edits ?? []).map(({ path, reducer: name, value }) => {
    return { column: columnOf(table, path), path, reduce: reducer(name, givenValue(value)) };
  });
  return (row) => {
    const changed = { ...fixed };
    for (const { column, path, reduce } of edits) {
      changed[column] = changedColumn(table, { ...row, ...changed }, path, reduce);
    }
    return changed;
  };
}

// put, patch and delete by key.

import type { Value } from "convex/values";
import type { Budget } from "./budgets";
import { givenValue } from "./conditions";
import { badRequest } from "./errors";
import { dropValues } from "./large_values";
import { changedColumn, checkNoReference, columnOf } from "./paths";
import { reducer, type Reducer } from "./reducers";
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
export async function patchRows(
  db: Writer,
  table: Table,
  changes: readonly (readonly [Doc, Columns])[],
  budget?: Budget,
) {
  await Promise.all(changes.map(([row, columns]) => db.patch(table.name, row._id, columns)));
  const changed = changes.map(([row, columns]): [Doc, Columns] => [row, { ...row, ...columns }]);
  await dropValues(db, table, changed, budget);
}

export async function deleteRows(db: Writer, table: Table, rows: readonly Doc[], budget?: Budget) {
  await Promise.all(rows.map((row) => db.delete(table.name, row._id)));
  const deleted = rows.map((row): [Doc, undefined] => [row, undefined]);
  await dropValues(db, table, deleted, budget);
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

/** The reducer of an edit; refused where it would have to look into a value that is kept in chunks. */
function seeing(table: Table, path: readonly string[], name: string, reduce: Reducer): Reducer {
  return (old) => {
    const output = name === "slots" && isObject(old) ? old["output"] : undefined;
    const looked = [old, output, ...(Array.isArray(output) ? output : [])]; // whose insides decide what is taken
    for (const value of looked) checkNoReference(table, value, path);
    return reduce(old);
  };
}

/** The columns that a change gives a row; undefined for those it removes. What is wrong with it is reported now. */
export function changeOf(table: Table, change: Change): (row: Doc) => Columns {
  const columns: Value = change.set ?? {};
  if (!isObject(columns)) throw badRequest("`set` is an object of columns");
  const unset = (change.unset ?? []).map((column): [string, undefined] => [column, undefined]);
  const fixed: Columns = { ...columns, ...Object.fromEntries(unset) };
  checkColumns(table, Object.keys(fixed));
  const edits = (change.edits ?? []).map(({ path, reducer: name, value }) => {
    const reduce = reducer(name, givenValue(value));
    const sees = name !== "set";
    return { column: columnOf(table, path), path, sees, reduce: sees ? seeing(table, path, name, reduce) : reduce };
  });
  return (row) => {
    const changed = { ...fixed };
    for (const edit of edits) changed[edit.column] = changedColumn(table, { ...row, ...changed }, edit);
    return changed;
  };
}

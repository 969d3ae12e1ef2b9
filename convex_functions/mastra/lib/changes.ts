// Changes of rows: columns to set and to remove, and edits at paths (docs/protocol.md, Reducers).

import type { Value } from "convex/values";
import { givenValue } from "./conditions";
import { badRequest } from "./errors";
import type { OpenRow } from "./open_row";
import { checkNoReference, columnOf, type Path } from "./paths";
import type { Change } from "./protocol";
import { reducer, type Reducer } from "./reducers";
import { checkColumns, type Columns, type Table } from "./tables";
import { isObject } from "./values";

/**
 * Reads a change and returns a function that applies it to a row: it returns the changed columns, undefined for those
 * that it removes. An error in the change itself is reported before any row is looked at.
 */
export function changeOf(table: Table, change: Change): (row: OpenRow) => Columns {
  const columns: Value = change.set ?? {};
  if (!isObject(columns)) throw badRequest("`set` is an object of columns");
  const unset = (change.unset ?? []).map((column): [string, undefined] => [column, undefined]);
  const fixed: Columns = { ...columns, ...Object.fromEntries(unset) };
  checkColumns(table, Object.keys(fixed));
  const edits = (change.edits ?? []).map(({ path, reducer: name, value }) => {
    const reduce = reducer(name, givenValue(value));
    columnOf(table, path); // refuses a path that begins with no column
    const readsOld = name !== "set";
    return { path, readsOld, reduce: readsOld ? guarded(table, path, name, reduce) : reduce };
  });
  return (row) => {
    row.set(fixed);
    for (const edit of edits) row.edit(edit);
    return row.close();
  };
}

/** Makes a reducer refuse an old value that is kept in chunks, as it cannot look into it. */
function guarded(table: Table, path: Path, name: string, reduce: Reducer): Reducer {
  return (old) => {
    const output = name === "slots" && isObject(old) ? old["output"] : undefined;
    const looked = [old, output, ...(Array.isArray(output) ? output : [])]; // their insides decide what is taken
    for (const value of looked) checkNoReference(table, value, path);
    return reduce(old);
  };
}

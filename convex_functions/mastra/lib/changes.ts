// Changes of rows: columns to set and to remove, and edits at paths.

import type { Value } from "convex/values";
import { givenValue } from "./conditions";
import { badRequest, tooLarge } from "./errors";
import { checkMembers, checkNoReference, columnOf, parsedDeeply, parsedOnce, type Path } from "./paths";
import type { Change } from "./protocol";
import { reducer, type Reducer } from "./reducers";
import { checkColumns, type Columns, type Doc, type Table } from "./tables";
import { arrayPosition, escaped, escapedMembers, isObject, own, unescaped } from "./values";

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

/** The reducer of an edit; refused where it would have to look into a value that is kept in chunks. */
function seeing(table: Table, path: readonly string[], name: string, reduce: Reducer): Reducer {
  return (old) => {
    const output = name === "slots" && isObject(old) ? old["output"] : undefined;
    const looked = [old, output, ...(Array.isArray(output) ? output : [])]; // whose insides decide what is taken
    for (const value of looked) checkNoReference(table, value, path);
    return reduce(old);
  };
}

/** A change of the value at the end of a path; `sees` tells whether it looks at the old one. */
type ChangeAt = { path: Path; sees: boolean; reduce: (old: Value | undefined) => Value };

/** The new value of the column in which something is changed. */
function changedColumn(table: Table, row: Columns, { path, sees, reduce }: ChangeAt): Value {
  const column = columnOf(table, path);
  const stored = own(row, column);
  const inside = path.slice(1);
  if (sees || inside.length > 0) checkMembers(table, stored, path);
  const change = (old: Value | undefined) => changedAt(table, old, inside, reduce, path);
  if (table.raw.includes(column)) return findable(table, column, escaped(change(openedRaw(stored))));
  const isText = table.json.includes(column);
  if (!isText && inside.length === 0) return reduce(stored);
  return JSON.stringify(change(openedText(stored, inside.length > 0)));
}

/** The value of a raw column, refused where it has members as JSON text which an index does not find there. */
function findable(table: Table, column: string, value: Value): Value {
  const hidden = isObject(value) ? Object.keys(escapedMembers(value) ?? {}) : [];
  const indexed = hidden.length > 0 ? Object.values(table.indexes).flat() : [];
  const name = hidden.find((member) => indexed.includes(`${column}.${member}`));
  if (name === undefined) return value;
  const problem = "is indexed, and found only in objects of at most 1023 members, not too deep";
  throw tooLarge(`${column}.${name} ${problem}`, "database");
}

/** The value of a raw column; JSON text of an object, as older rows have it, counts as that object. */
function openedRaw(stored: Value | undefined): Value | undefined {
  if (stored === undefined) return undefined;
  if (typeof stored !== "string") return unescaped(stored);
  const value = parsedDeeply(stored);
  return isObject(value) ? value : stored;
}

/** The value of a column that holds JSON text; older rows may hold the value itself. */
function openedText(stored: Value | undefined, goesOn: boolean): Value | undefined {
  if (stored === undefined) return undefined;
  if (typeof stored !== "string") return unescaped(stored);
  return goesOn ? parsedDeeply(stored) : parsedOnce(stored);
}

function changedAt(
  table: Table,
  value: Value | undefined,
  inside: Path,
  change: (old: Value | undefined) => Value,
  path: Path,
): Value {
  const [key, ...rest] = inside;
  if (key === undefined) return change(value);
  checkNoReference(table, value, path);
  if (Array.isArray(value)) {
    const position = arrayPosition(value, key);
    if (position === undefined) throw badRequest(`no array element ${key} on the way of ${path.join(".")}`);
    return value.map((item, n) => (n === position ? changedAt(table, item, rest, change, path) : item));
  }
  const members = value ?? {};
  if (!isObject(members)) throw badRequest(`no object at ${key} on the way of ${path.join(".")}`);
  return { ...members, [key]: changedAt(table, own(members, key), rest, change, path) };
}

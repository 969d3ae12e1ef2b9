// Reading and changing a value inside a row. A path goes through object columns and JSON text alike.

import type { Value } from "convex/values";
import { badRequest, largeValue, tooLarge } from "./errors";
import { isReference } from "./large_values";
import { checkColumns, type Columns, type Table } from "./tables";
import {
  arrayPosition,
  escaped,
  ESCAPED_KEYS,
  escapedMembers,
  isObject,
  own,
  parsedDeeply,
  parsedOnce,
  rawMember,
  unescaped,
} from "./values";

export type Path = readonly string[];

/** The declared column that a path begins with. */
export function columnOf(table: Table, path: Path): string {
  const [column] = path;
  if (column === undefined) throw badRequest("a path names a column");
  checkColumns(table, [column]);
  return column;
}

/** Refuses paths that cannot be read. */
export function checkReadable(table: Table, path: Path): void {
  if (path[0] !== "_creationTime") columnOf(table, path);
}

/** The value at a path, undefined when there is none; with `visible`, refused inside a value that is kept in chunks. */
export function valueAt(table: Table, row: Columns, path: Path, visible = false): Value | undefined {
  const [column = ""] = path;
  let value = own(row, column);
  if (visible) checkMembers(table, value, path);
  if (path.length === 1 && typeof value === "string") {
    return table.json.includes(column) ? parsedOnce(value) : value;
  }
  let inText = false; // what was parsed has its keys as they are
  for (const key of path.slice(1)) {
    if (typeof value === "string") {
      value = parsedDeeply(value);
      inText = true;
    }
    if (visible) checkNoReference(table, value, path);
    if (Array.isArray(value)) {
      const position = arrayPosition(value, key);
      value = position === undefined ? undefined : value[position];
    } else if (!isObject(value)) {
      return undefined;
    } else if (inText) {
      value = own(value, key);
    } else {
      ({ value, inText } = rawMember(value, key));
    }
  }
  return value === undefined || inText ? value : unescaped(value);
}

/** The JSON text of the value at each path, null where there is none. */
export function textsAt(table: Table, row: Columns, paths: readonly Path[]): (string | null)[] {
  return paths.map((path) => {
    const value = valueAt(table, row, path, true);
    return value === undefined ? null : JSON.stringify(value);
  });
}

/** Refuses a value at a path, or on the way to its end, that is kept in chunks. */
export function checkNoReference(table: Table, value: Value | undefined, path: Path): void {
  if (table.large.includes(path[0] ?? "") && isReference(value)) throw largeValue(path);
}

/** Refuses an object whose members that Convex refuses, as JSON text, are kept in chunks: they cannot be told. */
function checkMembers(table: Table, value: Value | undefined, path: Path): void {
  if (isObject(value)) checkNoReference(table, own(value, ESCAPED_KEYS), path);
}

/** A change of the value at the end of a path; `sees` tells whether it looks at the old one. */
export type ChangeAt = { path: Path; sees: boolean; reduce: (old: Value | undefined) => Value };

/** The new value of the column in which something is changed. */
export function changedColumn(table: Table, row: Columns, { path, sees, reduce }: ChangeAt): Value {
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

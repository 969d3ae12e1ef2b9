// Values at paths inside columns. A path goes through objects, arrays and JSON text alike.

import type { Value } from "convex/values";
import { badRequest, largeValue } from "./errors";
import { isReference } from "./large_values";
import { checkColumns, type Table } from "./tables";
import { arrayPosition, isObject, own, parsed } from "./values";

export type Path = readonly string[];

/** Returns the column that a path begins with; refuses one that is not declared. */
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

/** Follows keys into a value; undefined where they lead nowhere. `visit` is called with each value on the way. */
export function valueInside(
  value: Value | undefined,
  keys: Path,
  visit?: (value: Value | undefined) => void,
): Value | undefined {
  for (const key of keys) {
    if (typeof value === "string") value = parsedDeeply(value);
    visit?.(value);
    if (Array.isArray(value)) {
      const position = arrayPosition(value, key);
      value = position === undefined ? undefined : value[position];
    } else {
      value = isObject(value) ? own(value, key) : undefined;
    }
  }
  return value;
}

/** Returns a copy of a value in which the value at the end of the keys is changed. Errors name `path`. */
export function changedInside(
  table: Table,
  value: Value | undefined,
  keys: Path,
  change: (old: Value | undefined) => Value,
  path: Path,
): Value {
  const [key, ...rest] = keys;
  if (key === undefined) return change(value);
  checkNoReference(table, value, path);
  if (Array.isArray(value)) {
    const position = arrayPosition(value, key);
    if (position === undefined) throw badRequest(`no array element ${key} on the way of ${path.join(".")}`);
    return value.map((item, n) => (n === position ? changedInside(table, item, rest, change, path) : item));
  }
  const members = value ?? {};
  if (!isObject(members)) throw badRequest(`no object at ${key} on the way of ${path.join(".")}`);
  return { ...members, [key]: changedInside(table, own(members, key), rest, change, path) };
}

/** Parses JSON text; returns the text itself when it is not JSON. */
export function parsedOnce(text: string): Value {
  const value = parsed(text);
  return value === undefined ? text : value;
}

/** Parses JSON text of JSON text, and so on; returns the innermost text when that is not JSON. */
export function parsedDeeply(text: string): Value {
  const value = parsed(text);
  if (value === undefined) return text;
  return typeof value === "string" ? parsedDeeply(value) : value;
}

/** Refuses a value at a path, or on the way to its end, that is kept in chunks: its insides are not here. */
export function checkNoReference(table: Table, value: Value | undefined, path: Path): void {
  if (table.large.includes(path[0] ?? "") && isReference(value)) throw largeValue(path);
}

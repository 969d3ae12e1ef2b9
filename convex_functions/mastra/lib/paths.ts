// Reading a value inside a row. A path goes through object columns and JSON text alike.

import type { Value } from "convex/values";
import { badRequest, largeValue } from "./errors";
import { isReference } from "./large_values";
import { checkColumns, type Columns, type Table } from "./tables";
import { arrayPosition, ESCAPED_KEYS, isObject, own, parsed, rawMember, unescaped } from "./values";

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

/** The value of JSON text; the text itself when it is not JSON. */
export function parsedOnce(text: string): Value {
  const value = parsed(text);
  return value === undefined ? text : value;
}

/** The value of JSON text that may have been made into JSON text again; the innermost text when that is not JSON. */
export function parsedDeeply(text: string): Value {
  const value = parsed(text);
  if (value === undefined) return text;
  return typeof value === "string" ? parsedDeeply(value) : value;
}

/** Refuses a value at a path, or on the way to its end, that is kept in chunks. */
export function checkNoReference(table: Table, value: Value | undefined, path: Path): void {
  if (table.large.includes(path[0] ?? "") && isReference(value)) throw largeValue(path);
}

/** Refuses an object whose members that Convex refuses, as JSON text, are kept in chunks: they cannot be told. */
export function checkMembers(table: Table, value: Value | undefined, path: Path): void {
  if (isObject(value)) checkNoReference(table, own(value, ESCAPED_KEYS), path);
}

/** The JSON text of the value at each path, null where there is none. */
export function textsAt(table: Table, row: Columns, paths: readonly Path[]): (string | null)[] {
  return paths.map((path) => {
    const value = valueAt(table, row, path, true);
    return value === undefined ? null : JSON.stringify(value);
  });
}

// Positions in an index, and cursors: the texts that name positions for a client.

import { compareValues, type Value } from "convex/values";
import { badRequest } from "./errors";
import type { Doc } from "./tables";
import { isObject, parsed } from "./values";

/** Where a row stands in a scan: its index fields after the prefix, then its creation time and id. */
export type Position = { readonly rest: readonly (Value | undefined)[]; readonly time: number; readonly id: string };

export function positionOf(row: Doc, restFields: readonly string[]): Position {
  return { rest: restFields.map((field) => fieldAt(row, field)), time: row._creationTime, id: row._id };
}

/** Returns the value of an index field, which may lie inside an object column. */
export function fieldAt(row: Doc, field: string): Value | undefined {
  let value: Value | undefined = row;
  for (const name of field.split(".")) value = isObject(value) ? value[name] : undefined;
  return value;
}

/** Compares two positions in the ascending order of the index. */
export function comparePositions(a: Position, b: Position): number {
  for (let n = 0; n < a.rest.length; n++) {
    const order = compareValues(a.rest[n], b.rest[n]);
    if (order !== 0) return order;
  }
  return a.time === b.time ? compareValues(a.id, b.id) : a.time - b.time;
}

/** Writes a cursor: a missing field as an empty list, any other as a list of its value. */
export function cursorText({ rest, time, id }: Position): string {
  return JSON.stringify([rest.map((value) => (value === undefined ? [] : [value])), time, id]);
}

export function parseCursor(text: string, length: number): Position {
  const [fields, time, id, ...others] = asArray(parsed(text));
  const rest = asArray(fields).map((field) => {
    const values = asArray(field);
    if (values.length > 1) throw badRequest("malformed cursor");
    return values[0];
  });
  if (rest.length !== length || typeof time !== "number" || typeof id !== "string" || others.length > 0) {
    throw badRequest("malformed cursor");
  }
  return { rest, time, id };
}

function asArray(value: Value | undefined): Value[] {
  if (!Array.isArray(value)) throw badRequest("malformed cursor");
  return value;
}

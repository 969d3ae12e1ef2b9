// Scans: the rows of an index under one prefix or several, in the order of the index fields after the prefix.
// A range is a contiguous piece of an index; the rows under a prefix after a position are a few ranges.

import { compareValues, type Value } from "convex/values";
import { comparePositions, fieldAt, positionOf, type Position } from "./cursors";
import { badRequest } from "./errors";
import { OpenRow } from "./open_row";
import { indexFields, rowsInRange, tableNamed, type Constraint, type Doc, type Reader, type Table } from "./tables";

export type Order = "asc" | "desc";
type Prefix = readonly (Value | undefined)[];
type Limit = { readonly value: Value | undefined; readonly inclusive?: boolean | null };
type Rows = AsyncGenerator<OpenRow, void>;

export type IndexScan = {
  readonly table: Table;
  readonly index: string;
  readonly fields: readonly string[];
  readonly prefixes: readonly Prefix[];
  /** The index fields after the prefix. */
  readonly restFields: readonly string[];
  readonly lower: Limit | null;
  readonly upper: Limit | null;
  readonly order: Order;
};

type Description = {
  table: string;
  index: string;
  prefixes: readonly Prefix[];
  lower?: Limit | null | undefined;
  upper?: Limit | null | undefined;
  order?: Order | null | undefined;
};

/** Makes a scan; refuses prefixes and bounds that do not fit the index. */
export function scanOf({ table: name, index, prefixes, lower, upper, order }: Description): IndexScan {
  const table = tableNamed(name);
  const fields = indexFields(table, index);
  const length = prefixes[0]?.length ?? 0;
  if (prefixes.some((prefix) => prefix.length !== length)) throw badRequest("prefixes of unequal length");
  if (length > fields.length) throw badRequest(`a prefix longer than index ${name}.${index}`);
  if ((lower ?? upper) && length === fields.length) throw badRequest(`no field left for a bound in ${name}.${index}`);
  const different = new Map(prefixes.map((prefix) => [JSON.stringify(prefix), prefix]));
  return {
    table,
    index,
    fields,
    prefixes: [...different.values()],
    restFields: fields.slice(length),
    lower: lower ?? null,
    upper: upper ?? null,
    order: order ?? "asc",
  };
}

/** Tells whether a scan would give a row that was found in another way. */
export function isInScan({ fields, prefixes, restFields, lower, upper }: IndexScan, row: Doc): boolean {
  const [first] = restFields;
  const isUnder = (prefix: Prefix) => prefix.every((value, n) => compareValues(fieldAt(row, fields[n]!), value) === 0);
  return prefixes.some(isUnder) && (first === undefined || isWithin(fieldAt(row, first), lower, upper));
}

/** The number of index ranges that a scan may need. */
export const rangesNeeded = (scan: IndexScan) => scan.prefixes.length * (scan.restFields.length + 1);

/** Yields the rows of all prefixes, merged. `counter` counts each index range when it is opened. */
export function rowsOfScan(
  db: Reader,
  scan: IndexScan,
  after: Position | undefined,
  counter: { ranges: number },
): Rows {
  const streams = scan.prefixes.map((prefix) => rowsUnder(db, scan, prefix, after, counter));
  const [only] = streams;
  return streams.length === 1 && only !== undefined ? only : merged(streams, scan);
}

async function* rowsUnder(
  db: Reader,
  scan: IndexScan,
  prefix: Prefix,
  after: Position | undefined,
  counter: { ranges: number },
): Rows {
  const { table, index, order, restFields } = scan;
  for (const range of rangesUnder(scan, prefix, after)) {
    counter.ranges += 1;
    for await (const doc of rowsInRange(db, table, index, range, order)) {
      if (after === undefined || isAfter(positionOf(doc, restFields), after, order)) yield new OpenRow(table, doc);
    }
  }
}

const isAfter = (position: Position, other: Position, order: Order) =>
  order === "asc" ? comparePositions(position, other) > 0 : comparePositions(position, other) < 0;

/**
 * Returns the ranges that hold the rows after a position, in order: first the rows that equal it in all fields and are
 * at least as young (the caller tells rows of the same time apart by id), then those that equal it in one field less
 * and are beyond it in the next, and so on.
 */
function rangesUnder(scan: IndexScan, prefix: Prefix, after: Position | undefined): Constraint[][] {
  const { fields, restFields, lower, upper, order } = scan;
  const equal = prefix.map((value, n): Constraint => ["eq", fields[n]!, value]);
  const [first] = restFields;
  if (after === undefined) return [[...equal, ...(first === undefined ? [] : bounded(first, lower, upper))]];
  const ranges: Constraint[][] = [];
  const rest = restFields.map((field, n): Constraint => ["eq", field, after.rest[n]]);
  if (first === undefined || isWithin(after.rest[0], lower, upper)) {
    ranges.push([...equal, ...rest, [order === "asc" ? "gte" : "lte", "_creationTime", after.time]]);
    for (let n = rest.length - 1; n > 0; n--) {
      const beyond: Constraint = [order === "asc" ? "gt" : "lt", restFields[n]!, after.rest[n]];
      ranges.push([...equal, ...rest.slice(0, n), beyond]);
    }
  }
  const left = first === undefined ? undefined : boundsBeyond(scan, after.rest[0]);
  if (first !== undefined && left !== undefined) ranges.push([...equal, ...bounded(first, left.lower, left.upper)]);
  return ranges;
}

function bounded(field: string, lower: Limit | null, upper: Limit | null): Constraint[] {
  const range: Constraint[] = [];
  if (lower !== null) range.push([lower.inclusive === false ? "gt" : "gte", field, lower.value]);
  if (upper !== null) range.push([upper.inclusive === false ? "lt" : "lte", field, upper.value]);
  return range;
}

const isAbove = (value: Value | undefined, lower: Limit) =>
  compareValues(value, lower.value) > (lower.inclusive === false ? 0 : -1);

const isBelow = (value: Value | undefined, upper: Limit) =>
  compareValues(value, upper.value) < (upper.inclusive === false ? 0 : 1);

const isWithin = (value: Value | undefined, lower: Limit | null, upper: Limit | null) =>
  (lower === null || isAbove(value, lower)) && (upper === null || isBelow(value, upper));

/** Narrows the bounds to what lies beyond a value; undefined when nothing does. */
function boundsBeyond({ lower, upper, order }: IndexScan, value: Value | undefined) {
  const beyond: Limit = { value, inclusive: false };
  if (order === "asc") {
    if (upper !== null && compareValues(value, upper.value) >= 0) return undefined;
    return { lower: lower === null || isAbove(value, lower) ? beyond : lower, upper };
  }
  if (lower !== null && compareValues(value, lower.value) <= 0) return undefined;
  return { lower, upper: upper === null || isBelow(value, upper) ? beyond : upper };
}

/** Merges sorted streams. A stream is asked for its next row only when that may be needed. */
async function* merged(streams: Rows[], scan: IndexScan): Rows {
  type Head = { row: OpenRow; position: Position; stream: Rows };
  const headOf = async (stream: Rows): Promise<Head | undefined> => {
    const next = await stream.next();
    if (next.done) return undefined;
    return { row: next.value, position: positionOf(next.value.doc, scan.restFields), stream };
  };
  const isBefore = (a: Head, b: Head) => isAfter(b.position, a.position, scan.order);
  try {
    const heads = (await Promise.all(streams.map(headOf))).flatMap((head) => (head === undefined ? [] : [head]));
    heads.sort((a, b) => (isBefore(a, b) ? -1 : 1));
    for (let head = heads.shift(); head !== undefined; head = heads.shift()) {
      yield head.row;
      const next = await headOf(head.stream);
      if (next === undefined) continue;
      const place = placeIn(heads, (other) => isBefore(other, next));
      heads.splice(place, 0, next);
    }
  } finally {
    await Promise.all(streams.map((stream) => stream.return()));
  }
}

/** Counts the leading items for which `isBefore` holds. */
function placeIn<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

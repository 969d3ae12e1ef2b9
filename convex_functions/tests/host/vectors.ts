// Vector search with Convex's rules; convex-test's own has no limit, and stumbles over rows
// without a vector.

import type { Database, Doc } from "./internals";
import { internals } from "./internals";

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 256;

function fieldsOf(filter: unknown): string[] {
  if (typeof filter !== "object" || filter === null) return [];
  if ("$field" in filter) return [String(filter.$field)];
  return Object.values(filter).flatMap((part) => (Array.isArray(part) ? part.flatMap(fieldsOf) : fieldsOf(part)));
}

const isVector = (value: unknown, dimensions: number): value is number[] =>
  Array.isArray(value) && value.length === dimensions && value.every((item) => typeof item === "number");

/** A vector of length 1, in numbers that are quick to multiply; null for what Convex does not index. */
type Unit = Float64Array | null;
/** Of documents, which never change: a changed one is another object. */
const units = new WeakMap<Doc, Map<string, Unit>>();

function unitOf(doc: Doc, field: string, dimensions: number): Unit {
  let known = units.get(doc);
  if (known === undefined) units.set(doc, (known = new Map()));
  const name = `${field}:${dimensions}`;
  let unit = known.get(name);
  if (unit === undefined) {
    const value = internals.evaluateFieldPath(field, doc);
    known.set(name, (unit = isVector(value, dimensions) ? unitVector(value) : null));
  }
  return unit;
}

function unitVector(vector: number[]): Float64Array {
  const length = Math.sqrt(vector.reduce((sum, item) => sum + item * item, 0));
  return Float64Array.from(vector, (item) => (length === 0 ? 0 : item / length));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function vectorSearch(
  database: Database,
  tableAndIndex: string,
  vector: number[],
  filters: unknown[],
  limit: number | undefined,
): { _id: string; _score: number }[] {
  const [table, name] = tableAndIndex.split(".") as [string, string];
  const index = database._schema?.tables.get(table)?.vectorIndexes.find((one) => one.indexDescriptor === name);
  if (index === undefined) throw new Error(`Index ${tableAndIndex} not found.`);
  const count = limit ?? DEFAULT_LIMIT;
  if (!Number.isInteger(count) || count < 1 || count > MAX_LIMIT) {
    throw new Error(`VectorLimitTooLarge: vector queries return between 1 and ${MAX_LIMIT} rows, not ${count}`);
  }
  if (!isVector(vector, index.dimensions)) {
    throw new Error(`VectorDimensionsMismatch: index ${tableAndIndex} has ${index.dimensions} dimensions`);
  }
  const unknown = filters.flatMap(fieldsOf).find((field) => !index.filterFields.includes(field));
  if (unknown !== undefined) throw new Error(`Field ${unknown} is not a filter field of index ${tableAndIndex}`);

  const wanted = unitVector(vector);
  const hits: { _id: string; _score: number }[] = [];
  database._iterateDocs(table, (doc: Doc) => {
    if (!filters.every((filter) => internals.evaluateFilter(doc, filter))) return;
    const candidate = unitOf(doc, index.vectorField, index.dimensions);
    if (candidate !== null) hits.push({ _id: doc._id, _score: Math.fround(dot(wanted, candidate)) });
  });
  return hits.sort((a, b) => b._score - a._score || (a._id < b._id ? -1 : 1)).slice(0, count);
}

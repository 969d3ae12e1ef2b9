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

function cosine(a: number[], b: number[]): number {
  let [dot, normA, normB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    normA += a[i]! * a[i]!;
    normB += b[i]! * b[i]!;
  }
  return normA === 0 || normB === 0 ? 0 : Math.fround(dot / Math.sqrt(normA * normB));
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

  const hits: { _id: string; _score: number }[] = [];
  database._iterateDocs(table, (doc: Doc) => {
    const candidate = internals.evaluateFieldPath(index.vectorField, doc);
    if (!isVector(candidate, index.dimensions)) return; // Convex does not index such a row
    if (!filters.every((filter) => internals.evaluateFilter(doc, filter))) return;
    hits.push({ _id: doc._id, _score: cosine(vector, candidate) });
  });
  return hits.sort((a, b) => b._score - a._score || (a._id < b._id ? -1 : 1)).slice(0, count);
}

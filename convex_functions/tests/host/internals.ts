// convex-test 0.0.60 and those of its internals that the host replaces or reuses.

import { register } from "node:module";
import type { GenericId, Value } from "convex/values";

export type Doc = { _id: GenericId<string>; _creationTime: number; [field: string]: Value | undefined };
export type Order = "asc" | "desc";

export interface RangeExpression {
  type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte";
  fieldPath: string;
  value: unknown;
}

export interface Query {
  source:
    | { type: "FullTableScan"; tableName: string; order: Order | null }
    | { type: "IndexRange"; indexName: string; range: RangeExpression[]; order: Order | null }
    | { type: "Search"; indexName: string; filters: unknown[] };
  operators: ({ filter: unknown } | { limit: number })[];
}

export interface QuerySource {
  sortedDocs: Doc[];
  filterFn: (doc: Doc) => boolean;
  limit: number | null;
  fieldPathsToSortBy: string[];
  order: Order;
}

export interface TableSchema {
  indexes: { indexDescriptor: string; fields: string[] }[];
  vectorIndexes: { indexDescriptor: string; vectorField: string; dimensions: number; filterFields: string[] }[];
}

/** The in-memory database: committed documents, and a stack of layers of pending writes. */
export interface Database {
  _documents: Record<string, Doc>;
  _writes: Record<string, Doc | null>[];
  _queryResults: Record<number, unknown>;
  _nextQueryId: number;
  _schema: { tables: Map<string, TableSchema> } | null;
  get(table: string | undefined, id: string): Doc | null;
  insert(table: string, value: Record<string, Value>): string;
  patch(table: string | undefined, id: string, value: unknown): void;
  replace(table: string | undefined, id: string, value: unknown): void;
  delete(table: string | undefined, id: string): void;
  commit(commitTs?: bigint | null): void;
  rollbackWrites(): void;
  stashWrites(): Record<string, Doc | null>[];
  restoreWrites(stashed: Record<string, Doc | null>[]): void;
  startQuery(query: Query): number;
  queryNext(queryId: number): { value: Doc | null; done: boolean };
  vectorSearch(
    index: string,
    vector: number[],
    filters: unknown[],
    limit: number | undefined,
  ): { _id: string; _score: number }[];
  validateSchema(): void;
  _addWrite(id: string, value: Doc | null): void;
  _validate(table: string, doc: Record<string, Value | undefined>): void;
  _iterateDocs(table: string, callback: (doc: Doc) => void): void;
  _resolveQuerySource(query: Query): QuerySource;
}

/** Charges the running transaction, and throws when it exceeds a limit. */
export interface Tracker {
  startTransaction(limits?: object): void;
  trackRead(bytes: number): void;
  trackWrite(bytes: number): void;
  trackIndexRange(): void;
}

interface Internals {
  DatabaseFake: { prototype: Database };
  TransactionMetricsTracker: { prototype: Tracker };
  evaluateFieldPath(path: string, doc: Doc): Value | undefined;
  evaluateFilter(doc: Doc, filter: unknown): unknown;
  evaluateQueryValue(value: unknown): Value | undefined;
  tableNameFromId(id: string): string | null;
  validateIndexRangeExpression(source: object, fields: string[]): void;
}

register("./expose.mjs", import.meta.url);
const module = await import("convex-test");

export const convexTest = module.convexTest;
export const internals = module as unknown as Internals;

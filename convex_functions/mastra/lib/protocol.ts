// The protocol: requests and answers of the functions. Members that are optional may be missing or null alike.

import { v, type Infer, type Validator } from "convex/values";

export const PROTOCOL = "mastra_convex/1";

const maybe = <T>(validator: Validator<T, "required", string>) => v.optional(v.union(validator, v.null()));

const row = v.any(); // columns as they are stored; the schema of the deployment checks what is written
const scalar = v.union(v.string(), v.number(), v.boolean(), v.null());
const key = v.array(scalar);
const path = v.array(v.string());
const bound = v.object({ value: scalar, inclusive: maybe(v.boolean()) });

const condition = v.object({
  path,
  operator: v.union(
    v.literal("eq"),
    v.literal("ne"),
    v.literal("lt"),
    v.literal("lte"),
    v.literal("gt"),
    v.literal("gte"),
    v.literal("in"),
    v.literal("exists"),
    v.literal("lacks"),
    v.literal("match"),
  ),
  value: v.string(),
});

const bounds = { lower: maybe(bound), upper: maybe(bound), where: maybe(v.array(condition)) };
const range = v.object({ table: v.string(), index: v.string(), prefix: maybe(key), ...bounds });

const get = v.object({
  op: maybe(v.literal("get")),
  table: v.string(),
  keys: v.array(key),
  paths: maybe(v.array(path)),
  fingerprints: maybe(v.boolean()),
});

const scan = v.object({
  op: v.literal("scan"),
  table: v.string(),
  index: v.string(),
  prefixes: maybe(v.array(key)),
  ...bounds,
  order: maybe(v.union(v.literal("asc"), v.literal("desc"))),
  offset: maybe(v.number()),
  limit: maybe(v.number()),
  total: maybe(v.boolean()),
  cursor: maybe(v.string()),
  paths: maybe(v.array(path)),
});

const neighbours = v.object({
  op: v.literal("neighbours"),
  table: v.string(),
  key,
  index: v.string(),
  before: maybe(v.number()),
  after: maybe(v.number()),
  where: maybe(v.array(condition)),
});

const describe = v.object({ op: v.literal("describe"), table: v.string() });

export const readOp = v.union(get, scan, neighbours, describe);

const texts = v.array(v.union(v.string(), v.null()));

const getResult = v.object({
  rows: v.array(row),
  values: v.optional(v.array(v.union(texts, v.null()))),
  fingerprints: v.optional(texts),
  next: v.optional(v.number()),
});

const scanResult = v.object({
  rows: v.array(row),
  values: v.optional(v.array(texts)),
  matched: v.number(),
  skipped: v.number(),
  cursor: v.union(v.string(), v.null()),
  done: v.boolean(),
});

const neighboursResult = v.object({ target: row, before: scanResult, after: scanResult });

const describeResult = v.object({
  deployed: v.boolean(),
  key: v.string(),
  fields: v.array(v.string()),
  indexes: v.record(v.string(), v.array(v.string())),
  native: v.array(v.object({ field: v.string(), dimensions: v.number(), filters: v.array(v.string()) })),
});

export const readResult = v.union(getResult, scanResult, neighboursResult, describeResult);

const edit = v.object({
  path,
  reducer: v.union(
    v.literal("set"),
    v.literal("merge"),
    v.literal("append"),
    v.literal("add"),
    v.literal("max"),
    v.literal("slots"),
  ),
  value: v.string(),
});

const change = v.object({ set: maybe(row), unset: maybe(path), edits: maybe(v.array(edit)) });

const writeOp = v.union(
  v.object({ op: v.literal("put"), table: v.string(), rows: v.array(row), keep: maybe(path), extra: maybe(v.boolean()) }),
  v.object({ op: v.literal("patch"), table: v.string(), keys: v.array(key), change }),
  v.object({ op: v.literal("delete"), table: v.string(), keys: v.array(key) }),
  v.object({ op: v.literal("patchRange"), range, change }),
  v.object({ op: v.literal("deleteRange"), range }),
);

const guard = v.union(
  v.object({ guard: v.union(v.literal("exists"), v.literal("missing")), table: v.string(), key }),
  v.object({ guard: v.literal("empty"), range }),
  v.object({ guard: v.literal("holds"), table: v.string(), key, where: v.array(condition) }),
  v.object({ guard: v.literal("unchanged"), table: v.string(), key, fingerprint: v.string() }),
);

export const commit = v.object({
  id: v.string(),
  mode: maybe(v.union(v.literal("whole"), v.literal("resumable"))),
  guards: maybe(v.array(guard)),
  ops: maybe(v.array(writeOp)),
  returning: maybe(v.array(get)),
  resume: maybe(v.string()),
});

const outcome = v.object({ changed: v.number(), missing: v.array(v.number()) });

const receipt = {
  status: v.union(v.literal("done"), v.literal("more"), v.literal("conflict")),
  guard: v.optional(v.number()),
  failed: v.optional(v.array(v.number())),
  outcomes: v.array(outcome),
  resume: v.optional(v.string()),
};

export const commitResult = v.object({ ...receipt, returned: v.array(getResult) });

const receiptObject = v.object(receipt);

export const guards = v.array(guard);

export const search = v.object({
  range,
  field: v.string(),
  vector: v.array(v.float64()),
  metric: maybe(v.union(v.literal("cosine"), v.literal("euclidean"), v.literal("dotproduct"))),
  limit: v.number(),
  min_score: maybe(v.number()),
  include_vector: maybe(v.boolean()),
  guards: maybe(guards),
});

export const searchResult = v.object({
  status: v.union(v.literal("done"), v.literal("conflict")),
  guard: v.optional(v.number()),
  hits: v.array(v.object({ row, score: v.number() })),
});

/** The tables, columns and indexes that a client works with. */
export const needs = maybe(
  v.record(
    v.string(),
    v.object({
      key: v.string(),
      fields: v.array(v.string()),
      indexes: v.record(v.string(), v.array(v.string())),
    }),
  ),
);

// The answers of the queries that the search action calls; `guard` is the position of a guard that failed.
const failed = { guard: v.optional(v.number()) };
const ranked = { id: v.string(), time: v.number(), score: v.number() };

export const ranking = v.object({
  ...failed,
  ranked: v.array(v.object(ranked)),
  cursor: v.union(v.string(), v.null()),
});

export const loaded = v.object({ ...failed, found: v.array(v.object({ ...ranked, row })), loaded: v.number() });

export type Bound = Infer<typeof bound>;
export type Condition = Infer<typeof condition>;
export type IndexRange = Infer<typeof range>;
export type Get = Infer<typeof get>;
export type Scan = Infer<typeof scan>;
export type Neighbours = Infer<typeof neighbours>;
export type Describe = Infer<typeof describe>;
export type DescribeResult = Infer<typeof describeResult>;
export type ReadOp = Infer<typeof readOp>;
export type GetResult = Infer<typeof getResult>;
export type ScanResult = Infer<typeof scanResult>;
export type NeighboursResult = Infer<typeof neighboursResult>;
export type ReadResult = Infer<typeof readResult>;
export type Edit = Infer<typeof edit>;
export type Change = Infer<typeof change>;
export type WriteOp = Infer<typeof writeOp>;
export type Guard = Infer<typeof guard>;
export type Commit = Infer<typeof commit>;
export type CommitResult = Infer<typeof commitResult>;
export type Outcome = Infer<typeof outcome>;
export type Receipt = Infer<typeof receiptObject>;
export type Search = Infer<typeof search>;
export type SearchResult = Infer<typeof searchResult>;
export type Needs = Infer<typeof needs>;
export type Ranking = Infer<typeof ranking>;
export type Ranked = Ranking["ranked"][number];
export type Loaded = Infer<typeof loaded>;

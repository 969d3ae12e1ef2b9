// The search action: it chooses between Convex's vector index and a scan, and keeps the best of the rows found.

import type { FilterExpression, GenericActionCtx, GenericDataModel } from "convex/server";
import { getConvexSize, type Value } from "convex/values";
import { READ_ROWS } from "./budgets";
import { tooLarge } from "./errors";
import type { Condition, Guard, Loaded, Needs, Ranked, Ranking, Search, SearchResult } from "./protocol";
import { compareRanked, questionOf, type Question } from "./ranking";
import type { Table } from "./tables";
import { isObject, parsed } from "./values";

/** Convex's vector search finds at most this many rows. */
const MAX_NATIVE = 256;
/** An answer has at most this many rows and bytes, as Convex returns at most 16 MiB. */
const MAX_ANSWER_ROWS = 8_192;
const MAX_ANSWER_BYTES = 15 << 20;

/** The calls to the queries beside: one checks what a client needs, the others score and load rows. */
export type Queries = {
  check(needs: Needs | undefined): Promise<{ version?: string | undefined }>;
  rank(search: Search, guards: readonly Guard[], arraysOf: string | null, cursor: string | null): Promise<Ranking>;
  load(search: Search, guards: readonly Guard[], ids: readonly string[]): Promise<Loaded>;
};

type Ctx = Pick<GenericActionCtx<GenericDataModel>, "vectorSearch">;
type Found = Loaded["found"][number];

/** Finds the best rows of a range. */
export async function search(ctx: Ctx, queries: Queries, request: Search): Promise<SearchResult> {
  const question = questionOf(request);
  const searcher = new Searcher(queries, request);
  try {
    const found = (await searcher.native(ctx, question)) ?? (await searcher.scanned());
    return { status: "done", hits: found.map(({ row, score }) => ({ row, score })) };
  } catch (problem) {
    if (problem instanceof Conflict) return { status: "conflict", guard: problem.guard, hits: [] };
    throw problem;
  }
}

class Conflict {
  constructor(readonly guard: number) {}
}

class Searcher {
  private guards: readonly Guard[];
  private readonly request: Search;

  constructor(
    private readonly queries: Queries,
    { guards, ...request }: Search,
  ) {
    this.guards = guards ?? [];
    this.request = request;
  }

  /** Searches Convex's vector index; undefined when there is none that fits, or when it may not have found the best. */
  async native(ctx: Ctx, { scan }: Question): Promise<Found[] | undefined> {
    const plan = planOf(scan.table, this.request);
    if (plan === undefined) return undefined;
    const { filter, limit } = plan;
    const asked = { vector: this.request.vector, limit, ...(filter && { filter: isEqual(filter) }) };
    const [near, others] = await Promise.all([
      ctx.vectorSearch(scan.table.name, plan.index, asked),
      filter?.arraysIn === undefined ? [] : this.ranked(filter.arraysIn),
    ]);
    const { limit: wanted, min_score } = this.request;
    const last = near[near.length - 1]?._score ?? -Infinity;
    const complete = near.length < limit || last < (min_score ?? -Infinity) - 1e-5;
    if (!complete && limit < wanted) return undefined;
    const ids = new Set<string>(near.map(({ _id }) => _id));
    const found = await this.loaded([...ids, ...others.flatMap(({ id }) => (ids.has(id) ? [] : [id]))]);
    const foundNative = found.reduce((count, { id }) => count + Number(ids.has(id)), 0);
    // Rows that Convex did not return are no nearer than those that it returned.
    return complete || foundNative >= Math.min(wanted, limit) ? found : undefined;
  }

  /** Scans the whole range for the best rows. */
  async scanned(): Promise<Found[]> {
    return this.loaded((await this.ranked(null)).map(({ id }) => id));
  }

  /** Scores the range page by page; with `arraysOf`, an index, only rows with an array in its first field. */
  private async ranked(arraysOf: string | null): Promise<Ranked[]> {
    let best: Ranked[] = [];
    let cursor: string | null = null;
    do {
      const page: Ranking = await this.queries.rank(this.request, this.unchecked(), arraysOf, cursor);
      check(page);
      best = [...best, ...page.ranked].sort(compareRanked).slice(0, this.request.limit);
      ({ cursor } = page);
    } while (cursor !== null);
    return best;
  }

  /** Loads the best of the rows with these ids. */
  private async loaded(ids: readonly string[]): Promise<Found[]> {
    let best: Found[] = [];
    let position = 0;
    do {
      const step = await this.queries.load(this.request, this.unchecked(), ids.slice(position, position + READ_ROWS));
      check(step);
      position += step.loaded;
      best = [...best, ...step.found].sort(compareRanked).slice(0, this.request.limit);
      checkSize(best);
    } while (position < ids.length);
    return best;
  }

  /** Returns the guards once: the first query checks them. */
  private unchecked(): readonly Guard[] {
    const { guards } = this;
    this.guards = [];
    return guards;
  }
}

function check({ guard }: { guard?: number }): void {
  if (guard !== undefined) throw new Conflict(guard);
}

function checkSize(found: readonly Found[]): void {
  if (found.length > MAX_ANSWER_ROWS) {
    throw tooLarge(`more than ${MAX_ANSWER_ROWS} rows are found, more than an answer holds; ask for fewer`, "rows");
  }
  const bytes = found.reduce((sum, { row }) => sum + getConvexSize(row), 0);
  if (bytes > MAX_ANSWER_BYTES) {
    throw tooLarge("the rows found are more than the 16 MiB of an answer; ask for fewer, or without vectors", "bytes");
  }
}

/** A field that must equal a value. `arraysIn` is an index that finds rows with an array there: Convex skips those. */
type Equality = { readonly field: string; readonly value: Value; readonly arraysIn?: string };
type Plan = { readonly index: string; readonly filter: Equality | undefined; readonly limit: number };

/** Chooses the vector index and its filter for a search; undefined where no index fits. */
function planOf(table: Table, { range, field, vector, metric, limit }: Search): Plan | undefined {
  const found = Object.entries(table.vectorIndexes).find(
    ([, index]) => index.field === field && index.dimensions === vector.length,
  );
  if (found === undefined || (metric ?? "cosine") !== "cosine" || vector.every((item) => item === 0)) return undefined;
  const [index, { filters }] = found;
  const prefix = (range.prefix ?? []).map((value, n) => ({ field: table.indexes[range.index]![n]!, value }));
  const where = range.where ?? [];
  const demanded = [...prefix, ...where.flatMap((condition) => equalitiesOf(table, condition))];
  const usable = demanded.filter(({ field, value }) => filters.includes(field) && isPlain(value));
  usable.sort((a, b) => filters.indexOf(b.field) - filters.indexOf(a.field));
  const isAll = prefix.length === (usable.length > 0 ? 1 : 0) && where.length === 0 && !range.lower && !range.upper;
  return { index, filter: usable[0], limit: isAll ? Math.min(limit, MAX_NATIVE) : MAX_NATIVE };
}

/** Tells whether Convex and a condition compare a value alike: 0 is not -0 to Convex. */
const isPlain = (value: Value) => ["string", "boolean", "number"].includes(typeof value) && value !== 0;

/** The types of a generic data model do not know the fields of an index. */
type FilterBuilder = { eq(field: string, value: Value): FilterExpression<boolean> };
const isEqual = ({ field, value }: Equality) => (builder: unknown) => (builder as FilterBuilder).eq(field, value);

/** Returns the equalities that a condition demands: of a column, or of members of a raw column by a filter. */
function equalitiesOf(table: Table, { path, operator, value: text }: Condition): Equality[] {
  const [column] = path;
  const value = parsed(text);
  if (column === undefined || path.length > 1 || value === undefined || table.json.includes(column)) return [];
  const isRaw = table.raw.includes(column);
  if (operator === "eq") return isRaw ? [] : [{ field: column, value }];
  return operator === "match" && isRaw ? equalitiesIn(table, column, value) : [];
}

function equalitiesIn(table: Table, field: string, filter: Value): Equality[] {
  if (!isObject(filter)) {
    const arraysIn = Object.keys(table.indexes).find((index) => table.indexes[index]![0] === field);
    return arraysIn === undefined ? [] : [{ field, value: filter, arraysIn }];
  }
  return Object.entries(filter).flatMap(([name, given = null]) => {
    if (!name.startsWith("$")) return name.includes(".") ? [] : equalitiesIn(table, `${field}.${name}`, given);
    if (name === "$eq") return isObject(given) ? [] : equalitiesIn(table, field, given);
    return name === "$and" && Array.isArray(given) ? given.flatMap((one) => equalitiesIn(table, field, one)) : [];
  });
}

// A search, from the side of the action: where to look, and which of the rows found are the best.

import type { FilterExpression, GenericActionCtx, GenericDataModel } from "convex/server";
import { getConvexSize, type Value } from "convex/values";
import { READ_ROWS } from "./budgets";
import { tooLarge } from "./errors";
import { compareRanked, questionOf, type Question } from "./ranking";
import type { Table } from "./tables";
import type { Condition, Guard, Loaded, Ranked, Ranking, Search, SearchResult } from "./protocol";
import { isObject, parsed } from "./values";

/** The most rows that Convex finds natively. */
const MAX_NATIVE = 256;
const MAX_ANSWER_ROWS = 8_192;
const MAX_ANSWER_BYTES = 15 << 20;

/** The sibling functions of the action. */
export type Queries = {
  rank(search: Search, guards: readonly Guard[], arraysOf: string | null, cursor: string | null): Promise<Ranking>;
  load(search: Search, guards: readonly Guard[], ids: readonly string[]): Promise<Loaded>;
};

type Ctx = Pick<GenericActionCtx<GenericDataModel>, "vectorSearch">;
type Found = Loaded["found"][number];

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

  /** The best rows as Convex finds them; undefined when they may not be all, or when there is no index for them. */
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

  /** The best rows of the whole range. */
  async scanned(): Promise<Found[]> {
    return this.loaded((await this.ranked(null)).map(({ id }) => id));
  }

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

  /** The best of the rows with these ids. */
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

  /** The guards, for the first query that is made. */
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

/** `arraysIn` is an index that finds the rows with an array in the field, which Convex does not look into. */
type Equality = { readonly field: string; readonly value: Value; readonly arraysIn?: string };
type Plan = { readonly index: string; readonly filter: Equality | undefined; readonly limit: number };

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

/** Values that are the same to Convex and to a condition: 0 is not -0 to Convex. */
const isPlain = (value: Value) => ["string", "boolean", "number"].includes(typeof value) && value !== 0;

/** The types of a generic data model do not know the fields of an index. */
type FilterBuilder = { eq(field: string, value: Value): FilterExpression<boolean> };
const isEqual = ({ field, value }: Equality) => (builder: unknown) => (builder as FilterBuilder).eq(field, value);

/** The equalities that a condition demands: of a column, or of members of a raw column by a filter. */
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
    if (!name.startsWith("$")) return equalitiesIn(table, `${field}.${name}`, given);
    if (name === "$eq") return isObject(given) ? [] : equalitiesIn(table, field, given);
    return name === "$and" && Array.isArray(given) ? given.flatMap((one) => equalitiesIn(table, field, one)) : [];
  });
}

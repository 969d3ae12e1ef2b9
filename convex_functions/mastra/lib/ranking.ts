// The queries of a search: they score the rows of a range, a page at a time, and load the best ones.

import { compareValues, type GenericId, type Value } from "convex/values";
import { Budget, READ_BYTES, READ_ROWS } from "./budgets";
import { predicate } from "./conditions";
import { cursorText, parseCursor } from "./cursors";
import { badRequest } from "./errors";
import { failingGuards } from "./guards";
import { OpenRow } from "./open_row";
import type { Guard, Loaded, Ranked, Ranking, Search } from "./protocol";
import { pageOf } from "./reads";
import { isInScan, scanOf, type IndexScan } from "./scan";
import { shown, type Columns, type Doc, type Reader } from "./tables";

const MAX_DIMENSIONS = 8_192;

/** A search whose arguments were checked. */
export type Question = {
  readonly scan: IndexScan;
  /** Returns the score of a row; undefined when the row does not satisfy the search. */
  readonly scoreOf: (row: OpenRow) => number | undefined;
  readonly shownRow: (row: Doc) => Columns;
};

/** Checks the arguments of a search. */
export function questionOf({ range, field, vector, metric, limit, min_score, include_vector }: Search): Question {
  const scan = scanOf({ ...range, prefixes: [range.prefix ?? []] });
  const { table } = scan;
  const holds = predicate(table, range.where);
  if (!table.floats.includes(field)) throw badRequest(`${table.name} has no column of floats ${field}`);
  if (vector.length < 1 || vector.length > MAX_DIMENSIONS || !vector.every(Number.isFinite)) {
    throw badRequest(`a vector has 1 to ${MAX_DIMENSIONS} finite numbers`);
  }
  if (!Number.isSafeInteger(limit) || limit < 1) throw badRequest("limit is a whole number, at least 1");
  const score = METRICS[metric ?? "cosine"](vector);
  const scoreOf = (row: OpenRow) => {
    const stored = row.doc[field];
    if (!isVector(stored, vector.length) || !isInScan(scan, row.doc) || !holds(row)) return undefined;
    const found = score(stored);
    return Number.isFinite(found) && found >= (min_score ?? -Infinity) ? found : undefined;
  };
  const shownRow = (row: Doc) => {
    const columns = shown(row);
    if (!include_vector) delete columns[field];
    return columns;
  };
  return { scan, scoreOf, shownRow };
}

const isVector = (value: Value | undefined, length: number): value is number[] =>
  Array.isArray(value) && value.length === length && value.every((item) => typeof item === "number");

type Score = (stored: readonly number[]) => number;

const METRICS: { readonly [metric in NonNullable<Search["metric"]>]: (vector: readonly number[]) => Score } = {
  cosine: (vector) => {
    const length = Math.sqrt(dot(vector, vector));
    return (stored) => {
      const lengths = length * Math.sqrt(dot(stored, stored));
      return lengths === 0 ? 0 : Math.max(-1, Math.min(1, dot(vector, stored) / lengths));
    };
  },
  dotproduct: (vector) => (stored) => dot(vector, stored),
  euclidean: (vector) => (stored) => {
    let squares = 0;
    for (let n = 0; n < vector.length; n++) squares += (vector[n]! - stored[n]!) ** 2;
    return 1 / (1 + Math.sqrt(squares));
  },
};

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n]! * b[n]!;
  return sum;
}

/** Orders the best first; ties in the order of creation. */
export const compareRanked = (a: Ranked, b: Ranked) =>
  b.score - a.score || a.time - b.time || compareValues(a.id, b.id);

/** Returns the best rows of a page: of the range, or of the rows with an array in the first field of `arraysOf`. */
export async function rank(
  db: Reader,
  search: Search,
  guards: readonly Guard[],
  arraysOf: string | null,
  cursor: string | null,
): Promise<Ranking> {
  const { scan, scoreOf } = questionOf(search);
  const [guard] = await failingGuards(db, guards);
  if (guard !== undefined) return { guard, ranked: [], cursor: null };
  const pages = arraysOf === null ? scan : arrayScan(search.range.table, arraysOf);
  const ranked: Ranked[] = [];
  const page = await pageOf(db, pages, new Budget(READ_ROWS, READ_BYTES), {
    after: cursor === null ? undefined : parseCursor(cursor, pages.restFields.length),
    holds: (row) => {
      const score = scoreOf(row);
      if (score !== undefined) ranked.push({ id: row.doc._id, time: row.doc._creationTime, score });
      return false; // the page keeps no rows
    },
    offset: 0,
    limit: Infinity,
    total: false,
  });
  ranked.sort(compareRanked);
  const reached = page.done || page.reached === undefined ? null : cursorText(page.reached);
  return { ranked: ranked.slice(0, search.limit), cursor: reached };
}

/** Scans the rows with an array in the first field of an index: arrays are ordered before objects, which come last. */
const arrayScan = (table: string, index: string) =>
  scanOf({ table, index, prefixes: [[]], lower: { value: [] }, upper: { value: {}, inclusive: false } });

/** Loads rows by their ids, as many as the budget allows, without those that no longer satisfy the search. */
export async function load(
  db: Reader,
  search: Search,
  guards: readonly Guard[],
  ids: readonly string[],
): Promise<Loaded> {
  const { scan, scoreOf, shownRow } = questionOf(search);
  const [guard] = await failingGuards(db, guards);
  if (guard !== undefined) return { guard, found: [], loaded: 0 };
  const budget = new Budget(READ_ROWS, READ_BYTES);
  const found: Loaded["found"] = [];
  let loaded = 0;
  while (loaded < ids.length && !budget.spent) {
    const together = ids.slice(loaded, loaded + budget.together) as GenericId<string>[];
    const rows = await Promise.all(together.map((id) => db.get(scan.table.name, id)));
    for (const row of rows as (Doc | null)[]) {
      if (budget.spent) break; // the last rows were read without need
      budget.ranges += 1;
      loaded += 1;
      if (row === null) continue;
      budget.charge(row);
      const score = scoreOf(new OpenRow(scan.table, row));
      if (score !== undefined) found.push({ id: row._id, time: row._creationTime, score, row: shownRow(row) });
    }
  }
  return { found, loaded };
}

// get, scan and neighbours. All operations of a call share one budget and run in order.

import { layout } from "../schema";
import { Budget, MAX_RANGES, READ_BYTES, READ_ROWS } from "./budgets";
import { predicate } from "./conditions";
import { cursorText, fieldAt, parseCursor, positionOf, type Position } from "./cursors";
import { badRequest, tooLarge } from "./errors";
import { missingIndexes } from "./schema_check";
import { checkReadable, textsAt, type Path } from "./paths";
import { rangesNeeded, rowsOfSpan, spanOf, type Order, type Span } from "./scan";
import { fingerprint, indexFields, rowByKey, shown, tableNamed, type Doc, type Reader, type Table } from "./tables";
import type {
  Describe,
  DescribeResult,
  Get,
  GetResult,
  Neighbours,
  NeighboursResult,
  ReadOp,
  ReadResult,
  Scan,
  ScanResult,
} from "./protocol";
import { own } from "./values";

export async function read(db: Reader, ops: readonly ReadOp[]): Promise<ReadResult[]> {
  const budget = new Budget(READ_ROWS, READ_BYTES);
  const results: ReadResult[] = [];
  for (const op of ops) {
    if (op.op === "scan") results.push(await scan(db, op, budget));
    else if (op.op === "neighbours") results.push(await neighbours(db, op, budget));
    else if (op.op === "describe") results.push(await describe(db, op));
    else results.push(await get(db, op, budget));
  }
  return results;
}

export async function get(db: Reader, op: Get, budget: Budget): Promise<GetResult> {
  const table = tableNamed(op.table);
  checkPaths(table, op.paths);
  const found: (Doc | null)[] = [];
  while (found.length < op.keys.length && !budget.spent) {
    const together = op.keys.slice(found.length, found.length + budget.together);
    for (const row of await Promise.all(together.map((key) => rowByKey(db, table, key)))) {
      if (budget.spent) break; // the last ones were read in vain
      budget.ranges += 1;
      if (row !== null) budget.charge(row);
      found.push(row);
    }
  }
  const { paths } = op;
  return {
    rows: paths ? [] : found.map((row) => row && shown(row)),
    ...(paths && { values: found.map((row) => row && textsAt(table, row, paths)) }),
    ...(op.fingerprints && { fingerprints: found.map((row) => row && fingerprint(row)) }),
    ...(found.length < op.keys.length && { next: found.length }),
  };
}

/** What is deployed of a table; a table that is not is no failure. */
async function describe(db: Reader, { table: name, probe }: Describe): Promise<DescribeResult> {
  const table = own(layout, name);
  if (table === undefined) return { deployed: false, key: "", fields: [], indexes: {}, native: [], missing: [] };
  const indexes = Object.entries(table.indexes).map(([index, fields]) => [index, [...fields]]);
  const native = Object.values(table.vectorIndexes).map(({ field, dimensions, filters }) => {
    return { field, dimensions, filters: [...filters] };
  });
  return {
    deployed: true,
    key: table.key,
    fields: [...table.fields],
    indexes: Object.fromEntries(indexes),
    native,
    missing: probe ? await missingIndexes(db, { ...table, name }) : [],
  };
}

function checkPaths(table: Table, paths: readonly Path[] | null | undefined): void {
  for (const path of paths ?? []) checkReadable(table, path);
}

type Wanted = {
  after: Position | undefined;
  holds: (row: Doc) => boolean;
  offset: number;
  limit: number;
  total: boolean;
};
type Page = { rows: Doc[]; matched: number; skipped: number; reached: Position | undefined; done: boolean };

async function scan(db: Reader, op: Scan, budget: Budget): Promise<ScanResult> {
  const span = spanOf({ ...op, prefixes: op.prefixes ?? [[]] });
  checkPaths(span.table, op.paths);
  const page = await pageOf(db, span, budget, {
    after: op.cursor == null ? undefined : parseCursor(op.cursor, span.restFields.length),
    holds: predicate(span.table, op.where),
    offset: count(op.offset ?? 0, "offset"),
    limit: op.limit == null ? Infinity : count(op.limit, "limit"),
    total: op.total ?? false,
  });
  return scanResult(span, page, op.paths);
}

function scanResult(span: Span, page: Page, paths: readonly Path[] | null | undefined): ScanResult {
  const { rows, matched, skipped, reached, done } = page;
  return {
    rows: paths ? [] : rows.map(shown),
    ...(paths && { values: rows.map((row) => textsAt(span.table, row, paths)) }),
    matched,
    skipped,
    cursor: reached === undefined ? null : cursorText(reached),
    done,
  };
}

/** As much of a scan as the budget allows. A row is charged when it is consumed, and none is read ahead. */
export async function pageOf(db: Reader, span: Span, budget: Budget, wanted: Wanted): Promise<Page> {
  const page: Page = { rows: [], matched: 0, skipped: 0, reached: wanted.after, done: false };
  const enough = () => page.rows.length >= wanted.limit && !wanted.total;
  if (enough()) return { ...page, done: true };
  if (!hasRoomFor(span, budget)) return page;
  const stream = rowsOfSpan(db, span, wanted.after, budget);
  while (!budget.spent) {
    const next = await stream.next();
    if (next.done) return { ...page, done: true };
    const row = next.value;
    page.reached = positionOf(row, span.restFields);
    budget.charge(row);
    if (!wanted.holds(row)) continue;
    page.matched += 1;
    if (page.skipped < wanted.offset) page.skipped += 1;
    else if (page.rows.length < wanted.limit) page.rows.push(row);
    if (enough()) {
      page.done = true;
      break;
    }
  }
  await stream.return();
  return page;
}

/** Every prefix has to be opened before the first row is known, so a scan runs with all of them or not at all. */
function hasRoomFor(span: Span, budget: Budget): boolean {
  const needed = rangesNeeded(span);
  if (needed > MAX_RANGES) throw tooLarge(`${span.prefixes.length} prefixes are too many for one scan`, "ranges");
  return budget.ranges + needed <= MAX_RANGES;
}

function count(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw badRequest(`${name} is a whole number, at least 0`);
  return value;
}

async function neighbours(db: Reader, op: Neighbours, budget: Budget): Promise<NeighboursResult> {
  const table = tableNamed(op.table);
  const fields = indexFields(table, op.index);
  const holds = predicate(table, op.where);
  const around = (order: Order, target: Doc) =>
    spanOf({ ...op, order, prefixes: [fields.slice(0, -1).map((field) => fieldAt(target, field))] });
  const sizes = { before: count(op.before ?? 0, "before"), after: count(op.after ?? 0, "after") };

  const empty = (done: boolean): ScanResult => ({ rows: [], matched: 0, skipped: 0, cursor: null, done });
  if (budget.spent) return { target: null, before: empty(false), after: empty(false) };
  budget.ranges += 1;
  const target = await rowByKey(db, table, op.key);
  if (target !== null) budget.charge(target);
  if (target === null || !holds(target)) return { target: null, before: empty(true), after: empty(true) };

  const after = positionOf(target, fields.slice(-1));
  const spans = { before: around("desc", target), after: around("asc", target) };
  const page = (span: Span, limit: number) =>
    pageOf(db, span, budget, { after, holds, offset: 0, limit, total: false });
  const before = await page(spans.before, sizes.before);
  before.rows.reverse();
  return {
    target: shown(target),
    before: scanResult(spans.before, before, null),
    after: scanResult(spans.after, await page(spans.after, sizes.after), null),
  };
}

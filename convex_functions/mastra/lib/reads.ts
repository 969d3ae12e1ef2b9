// get, scan and neighbours. All operations of a call share one budget and run in order.

import { layout } from "../schema";
import { Budget, MAX_RANGES, READ_BYTES, READ_ROWS } from "./budgets";
import { predicate } from "./conditions";
import { cursorText, fieldAt, parseCursor, positionOf, type Position } from "./cursors";
import { badRequest, tooLarge } from "./errors";
import type { OpenRow } from "./open_row";
import { checkReadable, type Path } from "./paths";
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
import { rangesNeeded, rowsOfScan, scanOf, type IndexScan, type Order } from "./scan";
import { fingerprint, indexFields, shown, tableNamed, type Columns, type Doc, type Reader, type Table } from "./tables";
import { finder, type FindRow } from "./transaction";
import { own } from "./values";

type Texts = (string | null)[];

/** Runs the operations of a read in order. */
export async function read(db: Reader, ops: readonly ReadOp[]): Promise<ReadResult[]> {
  const budget = new Budget(READ_ROWS, READ_BYTES);
  const results: ReadResult[] = [];
  for (const op of ops) {
    if (op.op === "scan") results.push(await scan(db, op, budget));
    else if (op.op === "neighbours") results.push(await neighbours(db, op, budget));
    else if (op.op === "describe") results.push(describe(op));
    else results.push(await get(finder(db), op, budget));
  }
  return results;
}

/** Gets rows by their keys, as many as the budget allows. */
export async function get(find: FindRow, op: Get, budget: Budget): Promise<GetResult> {
  const { keys, paths } = op;
  const table = tableNamed(op.table);
  checkPaths(table, paths);
  const rows: (Columns | null)[] = [];
  const values: (Texts | null)[] = [];
  const fingerprints: Texts = [];
  let count = 0;
  while (count < keys.length && !budget.spent) {
    const together = keys.slice(count, count + budget.together);
    for (const row of await Promise.all(together.map((key) => find(table, key)))) {
      if (budget.spent) break; // the last rows were read without need
      budget.ranges += 1;
      count += 1;
      if (row !== null) budget.charge(row.doc);
      if (paths) values.push(row && textsAt(row, paths));
      else rows.push(row && shown(row.doc));
      if (op.fingerprints) fingerprints.push(row && fingerprint(row.doc));
    }
  }
  return {
    rows,
    ...(paths && { values }),
    ...(op.fingerprints && { fingerprints }),
    ...(count < keys.length && { next: count }),
  };
}

/** Describes a table as it is deployed. A table that is not deployed is no failure. */
function describe({ table: name }: Describe): DescribeResult {
  const table = own(layout, name);
  if (table === undefined) return { deployed: false, key: "", fields: [], indexes: {}, native: [] };
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
  };
}

function checkPaths(table: Table, paths: readonly Path[] | null | undefined): void {
  for (const path of paths ?? []) checkReadable(table, path);
}

/** Returns the JSON text of the value at each path, null where there is none. */
const textsAt = (row: OpenRow, paths: readonly Path[]): Texts => paths.map((path) => row.text(path));

type Wanted = {
  after: Position | undefined;
  holds: (row: OpenRow) => boolean;
  offset: number;
  limit: number;
  total: boolean;
  paths?: readonly Path[] | null | undefined;
};

/** One step of a scan. Each row taken is in `rows`, or as the texts at its paths in `values`. */
type Page = {
  rows: Columns[];
  values: Texts[];
  taken: number;
  matched: number;
  skipped: number;
  reached: Position | undefined;
  done: boolean;
};

/** Scans an index, as far as the budget allows. */
async function scan(db: Reader, op: Scan, budget: Budget): Promise<ScanResult> {
  const indexScan = scanOf({ ...op, prefixes: op.prefixes ?? [[]] });
  checkPaths(indexScan.table, op.paths);
  const page = await pageOf(db, indexScan, budget, {
    after: op.cursor == null ? undefined : parseCursor(op.cursor, indexScan.restFields.length),
    holds: predicate(indexScan.table, op.where),
    offset: count(op.offset ?? 0, "offset"),
    limit: op.limit == null ? Infinity : count(op.limit, "limit"),
    total: op.total ?? false,
    paths: op.paths,
  });
  return scanResult(page, op.paths);
}

function scanResult(page: Page, paths?: readonly Path[] | null): ScanResult {
  const { rows, values, matched, skipped, reached, done } = page;
  return {
    rows,
    ...(paths && { values }),
    matched,
    skipped,
    cursor: reached === undefined ? null : cursorText(reached),
    done,
  };
}

/** Runs a scan as far as the budget allows. A row is charged when it is consumed, and none is read ahead. */
export async function pageOf(db: Reader, scan: IndexScan, budget: Budget, wanted: Wanted): Promise<Page> {
  const { after, paths } = wanted;
  const page: Page = { rows: [], values: [], taken: 0, matched: 0, skipped: 0, reached: after, done: false };
  const enough = () => page.taken >= wanted.limit && !wanted.total;
  if (enough()) return { ...page, done: true };
  if (!hasRoomFor(scan, budget)) return page;
  const stream = rowsOfScan(db, scan, after, budget);
  while (!budget.spent) {
    const next = await stream.next();
    if (next.done) return { ...page, done: true };
    const row = next.value;
    page.reached = positionOf(row.doc, scan.restFields);
    budget.charge(row.doc);
    if (!wanted.holds(row)) continue;
    page.matched += 1;
    if (page.skipped < wanted.offset) page.skipped += 1;
    else if (page.taken < wanted.limit) {
      page.taken += 1;
      if (paths) page.values.push(textsAt(row, paths));
      else page.rows.push(shown(row.doc));
    }
    if (enough()) {
      page.done = true;
      break;
    }
  }
  await stream.return();
  return page;
}

/** Tells whether all prefixes can be opened: the first row of a scan is known only when they are. */
function hasRoomFor(scan: IndexScan, budget: Budget): boolean {
  const needed = rangesNeeded(scan);
  if (needed > MAX_RANGES) throw tooLarge(`${scan.prefixes.length} prefixes are too many for one scan`, "ranges");
  return budget.ranges + needed <= MAX_RANGES;
}

function count(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw badRequest(`${name} is a whole number, at least 0`);
  return value;
}

/** Returns a row, and the rows before and after it in an index. */
async function neighbours(db: Reader, op: Neighbours, budget: Budget): Promise<NeighboursResult> {
  const table = tableNamed(op.table);
  const fields = indexFields(table, op.index);
  const holds = predicate(table, op.where);
  const around = (order: Order, target: Doc) =>
    scanOf({ ...op, order, prefixes: [fields.slice(0, -1).map((field) => fieldAt(target, field))] });
  const sizes = { before: count(op.before ?? 0, "before"), after: count(op.after ?? 0, "after") };

  const empty = (done: boolean): ScanResult => ({ rows: [], matched: 0, skipped: 0, cursor: null, done });
  if (budget.spent) return { target: null, before: empty(false), after: empty(false) };
  budget.ranges += 1;
  const target = await finder(db)(table, op.key);
  if (target !== null) budget.charge(target.doc);
  if (target === null || !holds(target)) return { target: null, before: empty(true), after: empty(true) };

  const after = positionOf(target.doc, fields.slice(-1));
  const page = (order: Order, limit: number) =>
    pageOf(db, around(order, target.doc), budget, { after, holds, offset: 0, limit, total: false });
  const before = await page("desc", sizes.before);
  before.rows.reverse();
  return {
    target: shown(target.doc),
    before: scanResult(before),
    after: scanResult(await page("asc", sizes.after)),
  };
}

// Guards: what must hold before a commit writes anything.

import { Budget, RANGE_BYTES, READ_ROWS } from "./budgets";
import { predicate } from "./conditions";
import { tooLarge } from "./errors";
import type { Guard, IndexRange } from "./protocol";
import { rowsOfScan, scanOf } from "./scan";
import { fingerprint, tableNamed, type Reader } from "./tables";
import { finder, type FindRow } from "./transaction";

/** Returns the positions of the guards that fail. */
export async function failingGuards(db: Reader, guards: readonly Guard[], find = finder(db)): Promise<number[]> {
  const passed = await Promise.all(guards.map((guard) => passes(db, find, guard)));
  return passed.flatMap((holds, position) => (holds ? [] : [position]));
}

async function passes(db: Reader, find: FindRow, guard: Guard): Promise<boolean> {
  if (guard.guard === "empty") return isEmpty(db, guard.range);
  const table = tableNamed(guard.table);
  const holds = predicate(table, guard.guard === "holds" ? guard.where : []);
  const row = await find(table, guard.key);
  if (guard.guard === "missing") return row === null;
  if (guard.guard === "unchanged") return row !== null && fingerprint(row.doc) === guard.fingerprint;
  return row !== null && holds(row);
}

async function isEmpty(db: Reader, range: IndexRange): Promise<boolean> {
  const scan = scanOf({ ...range, prefixes: [range.prefix ?? []] });
  const holds = predicate(scan.table, range.where);
  const budget = new Budget(READ_ROWS, RANGE_BYTES);
  for await (const row of rowsOfScan(db, scan, undefined, budget)) {
    if (budget.spent) throw tooLarge(`a guard's range has too many ${budget.spent} to look through`, budget.spent);
    if (holds(row)) return false;
    budget.charge(row.doc);
  }
  return true;
}

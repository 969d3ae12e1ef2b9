// What must be true before a commit writes.

import { Budget, RANGE_BYTES, READ_ROWS } from "./budgets";
import { predicate } from "./conditions";
import { tooLarge } from "./errors";
import { rowsOfSpan, spanOf } from "./scan";
import { fingerprint, rowByKey, tableNamed, type Reader } from "./tables";
import type { Guard, IndexRange } from "./protocol";

/** The position of the first guard that fails, -1 when none does. */
export async function failedGuard(db: Reader, guards: readonly Guard[]): Promise<number> {
  const passed = await Promise.all(guards.map((guard) => passes(db, guard)));
  return passed.indexOf(false);
}

async function passes(db: Reader, guard: Guard): Promise<boolean> {
  if (guard.guard === "empty") return isEmpty(db, guard.range);
  const table = tableNamed(guard.table);
  const holds = predicate(table, guard.guard === "holds" ? guard.where : []);
  const row = await rowByKey(db, table, guard.key);
  if (guard.guard === "missing") return row === null;
  if (guard.guard === "unchanged") return row !== null && fingerprint(row) === guard.fingerprint;
  return row !== null && holds(row);
}

async function isEmpty(db: Reader, range: IndexRange): Promise<boolean> {
  const span = spanOf({ ...range, prefixes: [range.prefix ?? []] });
  const holds = predicate(span.table, range.where);
  const budget = new Budget(READ_ROWS, RANGE_BYTES);
  for await (const row of rowsOfSpan(db, span, undefined, budget)) {
    if (budget.spent) throw tooLarge(`a guard's range has too many ${budget.spent} to look through`, budget.spent);
    if (holds(row)) return false;
    budget.charge(row);
  }
  return true;
}

// Deleting or patching the rows of an index range, as many as a commit may.

import { getDocumentSize } from "convex/values";
import { WHOLE_BYTES, type Budget } from "./budgets";
import { predicate } from "./conditions";
import { cursorText, parseCursor, positionOf } from "./cursors";
import { tooLarge } from "./errors";
import { droppedBy, RANGES_TO_DROP } from "./large_values";
import { rowsOfSpan, spanOf } from "./scan";
import type { Columns, Doc, Writer } from "./tables";
import type { WriteOp } from "./validators";
import { changeOf, deleteRows, patchRows } from "./writes";

type RangeOp = Extract<WriteOp, { op: "patchRange" | "deleteRange" }>;

/** `cursor` says where to go on, and is undefined when the range is done. */
export type RangeOutcome = { changed: number; cursor: string | null | undefined };

export async function writeRange(
  db: Writer,
  op: RangeOp,
  budget: Budget,
  mode: "whole" | "resumable",
  cursor: string | null,
): Promise<RangeOutcome> {
  const span = spanOf({ ...op.range, prefixes: [op.range.prefix ?? []] });
  const { table, restFields } = span;
  const holds = predicate(table, op.range.where);
  const changed = op.op === "patchRange" ? changeOf(table, op.change) : undefined;
  const after = cursor === null ? undefined : parseCursor(cursor, restFields.length);

  // All rows are collected before the first write: a changed row may move within the index.
  const rows: Doc[] = [];
  const changes: [Doc, Columns][] = [];
  let last: Doc | undefined;
  let complete = true;
  for await (const row of rowsOfSpan(db, span, after, { ranges: 0 })) {
    if (budget.spent) {
      if (mode === "whole" || budget.rows === 0) throw doesNotFit(budget.spent);
      complete = false;
      break;
    }
    budget.charge(row);
    last = row;
    if (holds(row)) {
      const columns = changed?.(row);
      const dropped = droppedBy(table, row, columns && { ...row, ...columns });
      budget.ranges += 1 + RANGES_TO_DROP * dropped.length;
      rows.push(row);
      if (mode === "whole") budget.bytes += getDocumentSize(row);
      if (columns) {
        changes.push([row, columns]);
        budget.bytes += growth(row, columns);
      }
    }
    if (mode === "whole" && budget.bytes > WHOLE_BYTES) throw doesNotFit("bytes");
  }

  if (changed) await patchRows(db, table, changes);
  else await deleteRows(db, table, rows);
  const reached = last === undefined ? cursor : cursorText(positionOf(last, restFields));
  return { changed: rows.length, cursor: complete ? undefined : reached };
}

/** The bytes that are written of a row beyond those that were read. */
const growth = (row: Doc, columns: Columns) =>
  Math.max(0, getDocumentSize({ ...row, ...columns } as Doc) - getDocumentSize(row));

const doesNotFit = (what: string) =>
  tooLarge(`the ranges of this commit take more ${what} than one transaction has`, what);

// How much one call may read and write, well inside the limits of Convex: 4,096 index ranges, 32,000
// documents and 16 MiB read, 16,000 documents and 16 MiB written. Python has the same numbers.

import { getDocumentSize } from "convex/values";
import type { Doc } from "./tables";

const MIB = 1 << 20;

export const READ_ROWS = 8_000;
export const READ_BYTES = 8 * MIB;
export const MAX_RANGES = 4_000;
export const STEP_ROWS = 2_000;
export const RANGE_BYTES = 6 * MIB;
/** Of the ranges of a whole commit: what is consumed, and what is changed again, as a write reads its row again. */
export const WHOLE_BYTES = 14 * MIB;
export const SWEEP_ROWS = 1_000;
export const SWEEP_BYTES = 4 * MIB;

/** A document is at most this large, so look-ups made together can be bounded before their size is known. */
const MAX_DOCUMENT_BYTES = MIB;
const MAX_TOGETHER = 64;
const READ_LIMIT_BYTES = 14 * MIB;

/** What was consumed so far. It may be exceeded by one row, so that a row of any size can be read. */
export class Budget {
  rows = 0;
  bytes = 0;

  constructor(
    private readonly maxRows: number,
    private readonly maxBytes: number,
    public ranges = 0,
  ) {}

  /** What is used up, if anything is. */
  get spent(): "rows" | "bytes" | "ranges" | undefined {
    if (this.rows >= this.maxRows) return "rows";
    if (this.bytes >= this.maxBytes) return "bytes";
    return this.ranges >= MAX_RANGES ? "ranges" : undefined;
  }

  charge(doc: Doc): void {
    this.rows += 1;
    this.bytes += getDocumentSize(doc);
  }

  /** How many look-ups can be made together without a danger of reading more than Convex allows. */
  get together(): number {
    const room = Math.floor((READ_LIMIT_BYTES - this.bytes) / MAX_DOCUMENT_BYTES);
    return Math.max(1, Math.min(room, MAX_TOGETHER, MAX_RANGES - this.ranges));
  }
}

/** Index ranges that it takes to note of a value that it is dropped. */
export const RANGES_TO_DROP = 2;

// How much one call may read and write, well inside the limits of Convex: 4,096 index ranges, 32,000
// documents and 16 MiB read, 16,000 documents and 16 MiB written. Python has the same numbers.

import { getDocumentSize } from "convex/values";
import type { Doc } from "./tables";

const MIB = 1 << 20;

/** The operations of a read consume at most this many rows and bytes together. */
export const READ_ROWS = 8_000;
export const READ_BYTES = 8 * MIB;
/** A read or a commit opens at most this many index ranges. */
export const MAX_RANGES = 4_000;
/** The range operations in a step of a resumable commit consume at most this many rows and bytes. */
export const STEP_ROWS = 2_000;
export const RANGE_BYTES = 6 * MIB;
/** The range operations of a whole commit read at most this many bytes; a row counts twice if it is changed. */
export const WHOLE_BYTES = 14 * MIB;
/** Marking a large value as dropped takes this many index ranges: to find its row, and to change it. */
export const RANGES_TO_DROP = 2;
/** A sweep consumes at most this many rows and bytes. */
export const SWEEP_ROWS = 1_000;
export const SWEEP_BYTES = 4 * MIB;

/** Rows are looked up together while their sizes are unknown, so each counts as the largest that Convex stores. */
const MAX_DOCUMENT_BYTES = MIB;
/** At most this many rows are looked up together. */
const MAX_TOGETHER = 64;
/** All look-ups of a call stay below this, as Convex reads at most 16 MiB. */
const READ_LIMIT_BYTES = 14 * MIB;

/** Counts what a call consumes. One row may exceed the maximum, so that a row of any size can be read. */
export class Budget {
  rows = 0;
  bytes = 0;

  constructor(
    private readonly maxRows: number,
    private readonly maxBytes: number,
    public ranges = 0,
  ) {}

  /** Names what is used up, if anything is. */
  get spent(): "rows" | "bytes" | "ranges" | undefined {
    if (this.rows >= this.maxRows) return "rows";
    if (this.bytes >= this.maxBytes) return "bytes";
    return this.ranges >= MAX_RANGES ? "ranges" : undefined;
  }

  charge(doc: Doc): void {
    this.rows += 1;
    this.bytes += getDocumentSize(doc);
  }

  /** The number of look-ups that can be made together without reading more than Convex allows. */
  get together(): number {
    const room = Math.floor((READ_LIMIT_BYTES - this.bytes) / MAX_DOCUMENT_BYTES);
    return Math.max(1, Math.min(room, MAX_TOGETHER, MAX_RANGES - this.ranges));
  }
}

// What each call cost: measured where convex-test charges a transaction for its work.

import { AsyncLocalStorage } from "node:async_hooks";
import { internals, type Tracker } from "./internals";

const COUNTERS = [
  "requestBytes",
  "responseBytes",
  "docsRead",
  "bytesRead",
  "docsWritten", // deletes included, as Convex charges them
  "bytesWritten",
  "docsDeleted",
  "indexRanges",
  "ms",
] as const;
type Counts = Record<(typeof COUNTERS)[number], number>;

/** `refused`: a system error, so that the function did not run; `dropped`: it ran, its answer was lost. */
export type CallStatus = "success" | "error" | "refused" | "dropped";
export type Call = { kind: string; path: string; status: CallStatus } & Counts;

const LOG_SIZE = 10_000;
const zero = (): Counts => Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Counts;
const emptyTotals = () => ({ calls: 0, success: 0, error: 0, refused: 0, dropped: 0, ...zero() });

let totals = emptyTotals();
let calls: Call[] = [];

export const stats = () => ({ totals, calls });

export function resetStats(): void {
  totals = emptyTotals();
  calls = [];
}

export const newCall = (kind: string): Call => ({ kind, path: "", status: "refused", ...zero() });

export function record(call: Call): void {
  totals.calls += 1;
  totals[call.status] += 1;
  for (const name of COUNTERS) totals[name] += call[name];
  calls.push(call);
  if (calls.length > LOG_SIZE) calls = calls.slice(-LOG_SIZE / 2);
}

/** Reads and writes of nested functions are added to the call that started them. */
export const currentCall = new AsyncLocalStorage<Call>();

/** The tracker of the running transaction: convex-test runs one at a time. */
export let activeTracker: Tracker | undefined;

export function installCounters(): void {
  const prototype = internals.TransactionMetricsTracker.prototype;
  const { startTransaction, trackRead, trackWrite, trackIndexRange } = prototype;
  const add = (counts: Partial<Counts>) => {
    const call = currentCall.getStore();
    if (call === undefined) return;
    for (const [name, count] of Object.entries(counts)) call[name as keyof Counts] += count;
  };
  Object.assign(prototype, {
    startTransaction(this: Tracker, limits?: object) {
      activeTracker = this;
      startTransaction.call(this, limits);
    },
    trackRead(this: Tracker, bytes: number) {
      add({ docsRead: 1, bytesRead: bytes });
      trackRead.call(this, bytes);
    },
    trackWrite(this: Tracker, bytes: number) {
      add({ docsWritten: 1, bytesWritten: bytes, docsDeleted: bytes === 0 ? 1 : 0 });
      trackWrite.call(this, bytes);
    },
    trackIndexRange(this: Tracker) {
      add({ indexRanges: 1 });
      trackIndexRange.call(this);
    },
  });
}

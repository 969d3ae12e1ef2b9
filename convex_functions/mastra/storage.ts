// The functions that mastra_convex calls. They are internal: an admin key can call them, nobody else.

import { internalMutationGeneric, internalQueryGeneric } from "convex/server";
import { v } from "convex/values";
import { commit } from "./lib/commits";
import { failure, withCodes } from "./lib/errors";
import { read as readAll } from "./lib/reads";
import { sweep as sweepReceipts } from "./lib/receipts";
import * as validators from "./lib/validators";

const protocol = v.string();

/** Reads on one snapshot: rows by key, scans of an index, the neighbours of a row. */
export const read = internalQueryGeneric({
  args: { protocol, ops: v.array(validators.readOp) },
  returns: v.object({ protocol, results: v.array(validators.readResult) }),
  handler: (ctx, args) => answered(args, async () => ({ results: await readAll(ctx.db, args.ops) })),
});

/** One step of a commit, applied atomically and at most once. */
export const handle = internalMutationGeneric({
  args: { protocol, commit: validators.commit },
  returns: v.object({ protocol, result: validators.commitResult }),
  handler: (ctx, args) => answered(args, async () => ({ result: await commit(ctx.db, args.commit) })),
});

/** Removes receipts older than an hour, up to 1,000 of them. */
export const sweep = internalMutationGeneric({
  args: { protocol },
  returns: v.object({ protocol, deleted: v.number(), done: v.boolean() }),
  handler: (ctx, args) => answered(args, () => sweepReceipts(ctx.db, Date.now())),
});

function answered<T extends object>(args: { protocol: string }, run: () => Promise<T>) {
  return withCodes(async () => {
    if (args.protocol !== validators.PROTOCOL) {
      const expected = validators.PROTOCOL;
      throw failure("ProtocolMismatch", `these functions speak ${expected}, not ${args.protocol}`, { expected });
    }
    return { protocol: validators.PROTOCOL, ...(await run()) };
  });
}

// The functions that mastra_convex calls. They are internal: an admin key can call them, nobody else.

import { internalActionGeneric, internalMutationGeneric, internalQueryGeneric } from "convex/server";
import { v } from "convex/values";
import { commit } from "./lib/commits";
import { failure, withCodes } from "./lib/errors";
import { queriesBeside } from "./lib/internal_calls";
import * as validators from "./lib/protocol";
import { load as loadRows, rank as rankRows } from "./lib/ranking";
import { read as readAll } from "./lib/reads";
import { checkNeeds } from "./lib/schema_check";
import { search as searchRows } from "./lib/search";
import { sweep as sweepOld } from "./lib/sweep";

const protocol = v.string();
const request = { protocol, needs: validators.needs };
const answer = { protocol, version: v.optional(v.string()) };

/** Reads from one snapshot: rows by key, scans of an index, the neighbours of a row. */
export const read = internalQueryGeneric({
  args: { ...request, ops: v.array(validators.readOp) },
  returns: v.object({ ...answer, results: v.array(validators.readResult) }),
  handler: (ctx, args) =>
    answered(args, async () => ({
      ...(await checkNeeds(ctx.db, args.needs)),
      results: await readAll(ctx.db, args.ops),
    })),
});

/** Applies one step of a commit, atomically and at most once. */
export const handle = internalMutationGeneric({
  args: { ...request, commit: validators.commit },
  returns: v.object({ ...answer, result: validators.commitResult }),
  handler: (ctx, args) =>
    answered(args, async () => ({
      ...(await checkNeeds(ctx.db, args.needs)),
      result: await commit(ctx.db, args.commit),
    })),
});

/** Deletes some old receipts, and some large values that no row references. */
export const sweep = internalMutationGeneric({
  args: { protocol },
  returns: v.object({ protocol, deleted: v.number(), done: v.boolean() }),
  handler: (ctx, args) => answered(args, () => sweepOld(ctx.db, Date.now())),
});

/** Finds the rows whose vectors are nearest to a given one. */
export const search = internalActionGeneric({
  args: { ...request, search: validators.search },
  returns: v.object({ ...answer, result: validators.searchResult }),
  handler: (ctx, args) =>
    answered(args, async () => {
      const queries = await queriesBeside(ctx);
      return { ...(await queries.check(args.needs)), result: await searchRows(ctx, queries, args.search) };
    }),
});

/** Refuses a client that needs what is missing. Only `search` calls this, which has no database, `rank` and `load`. */
export const check = internalQueryGeneric({
  args: { needs: validators.needs },
  returns: v.object({ version: v.optional(v.string()) }),
  handler: (ctx, args) => withCodes(() => checkNeeds(ctx.db, args.needs)),
});

const asked = { search: validators.search, guards: validators.guards };

/** Scores one page of a range and returns its best rows. */
export const rank = internalQueryGeneric({
  args: { ...asked, arraysOf: v.union(v.string(), v.null()), cursor: v.union(v.string(), v.null()) },
  returns: validators.ranking,
  handler: (ctx, args) => withCodes(() => rankRows(ctx.db, args.search, args.guards, args.arraysOf, args.cursor)),
});

/** Loads rows that a search found, by their ids, with their scores. */
export const load = internalQueryGeneric({
  args: { ...asked, ids: v.array(v.string()) },
  returns: validators.loaded,
  handler: (ctx, args) => withCodes(() => loadRows(ctx.db, args.search, args.guards, args.ids)),
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

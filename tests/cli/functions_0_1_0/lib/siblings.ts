// The queries that the search is made of, found wherever these functions are deployed.

import { makeFunctionReference, type GenericActionCtx, type GenericDataModel } from "convex/server";
import type { Queries } from "./search";
import type { Guard, Loaded, Ranking, Search } from "./validators";

type Ctx = Pick<GenericActionCtx<GenericDataModel>, "meta" | "runQuery">;
type Asked = { search: Search; guards: Guard[] };
type Page = { arraysOf: string | null; cursor: string | null };

/** Functions of the module whose function is running. */
export async function siblings(ctx: Ctx): Promise<Queries> {
  const { name } = await ctx.meta.getFunctionMetadata();
  const sibling = (export_: string) => name.replace(/:[^:]*$/, `:${export_}`);
  const rank = makeFunctionReference<"query", Asked & Page, Ranking>(sibling("rank"));
  const load = makeFunctionReference<"query", Asked & { ids: string[] }, Loaded>(sibling("load"));
  return {
    rank: (search, guards, arraysOf, cursor) => ctx.runQuery(rank, { search, guards: [...guards], arraysOf, cursor }),
    load: (search, guards, ids) => ctx.runQuery(load, { search, guards: [...guards], ids: [...ids] }),
  };
}

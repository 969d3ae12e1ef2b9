// Calls of the search action to the internal queries beside it, under whatever path they are deployed.

import { makeFunctionReference, type GenericActionCtx, type GenericDataModel } from "convex/server";
import type { Guard, Loaded, Needs, Ranking, Search } from "./protocol";
import type { Queries } from "./search";

type Ctx = Pick<GenericActionCtx<GenericDataModel>, "meta" | "runQuery">;
type Asked = { search: Search; guards: Guard[] };
type Page = { arraysOf: string | null; cursor: string | null };

/** Makes the calls to the queries in the module of the function that is running. */
export async function queriesBeside(ctx: Ctx): Promise<Queries> {
  const { name } = await ctx.meta.getFunctionMetadata();
  const pathOf = (query: string) => name.replace(/:[^:]*$/, `:${query}`);
  const rank = makeFunctionReference<"query", Asked & Page, Ranking>(pathOf("rank"));
  const load = makeFunctionReference<"query", Asked & { ids: string[] }, Loaded>(pathOf("load"));
  const check = makeFunctionReference<"query", { needs: Needs }, { version?: string }>(pathOf("check"));
  return {
    check: async (needs) => (needs == null ? {} : ctx.runQuery(check, { needs })),
    rank: (search, guards, arraysOf, cursor) => ctx.runQuery(rank, { search, guards: [...guards], arraysOf, cursor }),
    load: (search, guards, ids) => ctx.runQuery(load, { search, guards: [...guards], ids: [...ids] }),
  };
}

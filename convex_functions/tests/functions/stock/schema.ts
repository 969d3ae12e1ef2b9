// A TypeScript Mastra app that deploys our functions, whose developer has forgotten the lines that `mastra-convex init`
// prints: tables of @mastra/convex are without our indexes, or have one with other fields. It has a table of its own, too.

import * as stock from "@mastra/convex/schema";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { mastraTables } from "../../../mastra/schema";

export default defineSchema({
  ...mastraTables,
  mastra_threads: stock.mastraThreadsTable,
  mastra_messages: stock.mastraMessagesTable.index("by_resource_created", ["resourceId", "role"]),
  mastra_vectors: stock.mastraVectorsTable,
  users: defineTable({ id: v.string(), name: v.string() }).index("by_record_id", ["id"]),
});

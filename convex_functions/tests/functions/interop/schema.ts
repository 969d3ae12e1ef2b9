// The schema of a TypeScript Mastra app that also deploys our functions: the tables of
// @mastra/convex as they are, plus our indexes and tables.

import * as stock from "@mastra/convex/schema";
import { defineSchema, type GenericSchema, type TableDefinition, type VectorIndexConfig } from "convex/server";
import { mastraTables } from "../../../mastra/schema";

const stockTables: GenericSchema = {
  mastra_threads: stock.mastraThreadsTable,
  mastra_messages: stock.mastraMessagesTable,
  mastra_resources: stock.mastraResourcesTable,
  mastra_workflow_snapshots: stock.mastraWorkflowSnapshotsTable,
  mastra_scorers: stock.mastraScoresTable,
  mastra_schedules: stock.mastraSchedulesTable,
  mastra_schedule_triggers: stock.mastraScheduleTriggersTable,
  mastra_channel_installations: stock.mastraChannelInstallationsTable,
  mastra_channel_config: stock.mastraChannelConfigTable,
  mastra_background_tasks: stock.mastraBackgroundTasksTable,
  mastra_observational_memory: stock.mastraObservationalMemoryTable,
  mastra_vector_indexes: stock.mastraVectorIndexesTable,
  mastra_vectors: stock.mastraVectorsTable,
  mastra_cache: stock.mastraCacheTable,
  mastra_cache_list_items: stock.mastraCacheListItemsTable,
  mastra_documents: stock.mastraDocumentsTable,
};

/** Gives a stock table the indexes that only ours has; an index under both names must be the same. */
function withIndexesOf(ours: TableDefinition, table: TableDefinition, name: string): TableDefinition {
  const present = new Map(table[" indexes"]().map((index) => [index.indexDescriptor, index.fields.join()]));
  for (const { indexDescriptor, fields } of ours[" indexes"]()) {
    const stockFields = present.get(indexDescriptor);
    if (stockFields === undefined) table.index(indexDescriptor, fields as [string, ...string[]]);
    else if (stockFields !== fields.join()) {
      throw new Error(`${name}.${indexDescriptor} is on ${fields.join()} here and on ${stockFields} in @mastra/convex`);
    }
  }
  for (const index of nativeIndexes(ours)) table.vectorIndex(index.indexDescriptor, index);
  return table;
}

/** Convex has no other way to ask a table for its vector indexes. */
type WithVectorIndexes = { vectorIndexes: (VectorIndexConfig<string, string> & { indexDescriptor: string })[] };
const nativeIndexes = (table: TableDefinition) => (table as unknown as WithVectorIndexes).vectorIndexes;

const tables: GenericSchema = { ...stockTables };
for (const [name, ours] of Object.entries<TableDefinition>(mastraTables)) {
  const table = stockTables[name];
  tables[name] = table === undefined ? ours : withIndexesOf(ours, table, name);
}

export default defineSchema(tables);

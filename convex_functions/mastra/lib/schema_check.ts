// Compares the tables that a client needs with those of the functions, and these with the indexes of the database.

import { layout, version } from "../schema";
import { failure } from "./errors";
import type { Needs } from "./protocol";
import { rowsInRange, type Reader, type Table } from "./tables";
import { own } from "./values";

/** Refuses a client that needs what is missing. Returns the version of the functions, if the client says its needs. */
export function checkNeeds(needs: Needs | undefined): { version?: string } {
  if (needs == null) return {};
  const tables: string[] = [];
  const columns: string[] = [];
  const indexes: string[] = [];
  for (const [name, { key, fields, indexes: wanted }] of Object.entries(needs)) {
    const table = own(layout, name);
    if (table === undefined) {
      tables.push(name);
      continue;
    }
    columns.push(...fields.filter((column) => !table.fields.includes(column)).map((column) => `${name}.${column}`));
    for (const [index, indexed] of Object.entries(wanted)) {
      const isSame = own(table.indexes, index)?.join() === indexed.join() && (index !== key || table.key === key);
      if (!isSame) indexes.push(`${name}.${index}`);
    }
  }
  if (tables.length + columns.length + indexes.length === 0) return { version };
  throw failure("SchemaMismatch", "the client needs what is not deployed", { version, tables, columns, indexes });
}

/** Returns the indexes of a table that the database lacks, or is still building. */
export async function missingIndexes(db: Reader, table: Table): Promise<string[]> {
  const missing: string[] = [];
  for (const [index, [field]] of Object.entries(table.indexes)) {
    try {
      // Reads no rows, as the indexed fields hold no lists: an index that does not work fails all the same.
      await rowsInRange(db, table, index, [["eq", field!, []]], "asc").first();
    } catch {
      missing.push(index);
    }
  }
  return missing;
}

// Compares the tables that a client needs with those of the functions, and with the indexes of the database.

import { layout, version } from "../schema";
import { failure } from "./errors";
import type { Needs } from "./protocol";
import { rowsInRange, type Constraint, type Reader, type Table } from "./tables";
import { own } from "./values";

/** Refuses a client that needs what is missing. Returns the version of the functions, if the client says its needs. */
export async function checkNeeds(db: Reader, needs: Needs | undefined): Promise<{ version?: string }> {
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
    const lost = await missingIndexes(db, { ...table, name });
    columns.push(...fields.filter((column) => !table.fields.includes(column)).map((column) => `${name}.${column}`));
    for (const [index, indexed] of Object.entries(wanted)) {
      const isSame = own(table.indexes, index)?.join() === indexed.join() && (index !== key || table.key === key);
      if (!isSame || lost.has(index)) indexes.push(`${name}.${index}`);
    }
  }
  if (tables.length + columns.length + indexes.length === 0) return { version };
  throw failure("SchemaMismatch", "the client needs what is not deployed", { version, tables, columns, indexes });
}

/** Returns the indexes of a table that the database lacks, has with other fields, or is still building. */
async function missingIndexes(db: Reader, table: Table): Promise<Set<string>> {
  const missing = new Set<string>();
  const indexes = Object.entries(table.indexes);
  const looks = indexes.map(async ([index, fields]) => {
    try {
      // Reads no rows, as the indexed fields hold no lists: an index that does not work fails all the same.
      const range = fields.map((field): Constraint => ["eq", field, []]);
      await rowsInRange(db, table, index, range, "asc").first();
    } catch {
      missing.add(index);
    }
  });
  await Promise.all(looks);
  return missing;
}

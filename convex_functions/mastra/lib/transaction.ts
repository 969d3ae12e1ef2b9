// Look-ups by key, and the transaction of a commit, in which each row is looked up and opened once.

import { OpenRow } from "./open_row";
import {
  indexFields,
  rowByKey,
  type Columns,
  type Doc,
  type Reader,
  type Scalar,
  type Table,
  type Writer,
} from "./tables";

/** A function that finds a row by its key; null when there is none. */
export type FindRow = (table: Table, key: readonly Scalar[]) => Promise<OpenRow | null>;

/** Returns a look-up outside of a transaction: it reads the database at each call. */
export const finder = (db: Reader): FindRow => (table, key) => findIn(db, table, key, null);

type Known = { readonly row: Promise<OpenRow | null>; stale: boolean };

/**
 * Finds and writes the rows of one commit. Guards, operations and returned rows that name the same key share one open
 * row until the row is written; then the next look-up reads it again. So all writes of a commit must go through here.
 */
export class Transaction {
  private readonly known = new Map<string, Known>();

  constructor(readonly db: Writer) {}

  readonly find: FindRow = (table, key) => {
    const name = nameOf(table, key);
    const known = this.known.get(name);
    if (known !== undefined && !known.stale) return known.row;
    const row = findIn(this.db, table, key, known?.row ?? null);
    this.known.set(name, { row, stale: false });
    return row;
  };

  async insert(table: Table, columns: Columns): Promise<void> {
    this.makeStale(table, columns);
    await this.db.insert(table.name, columns as Parameters<Writer["insert"]>[1]);
  }

  async patch(table: Table, doc: Doc, columns: Columns): Promise<void> {
    this.makeStale(table, doc);
    this.makeStale(table, { ...doc, ...columns }); // the key may be another one
    await this.db.patch(table.name, doc._id, columns);
  }

  async delete(table: Table, doc: Doc): Promise<void> {
    this.makeStale(table, doc);
    await this.db.delete(table.name, doc._id);
  }

  private makeStale(table: Table, row: Columns): void {
    const key = indexFields(table, table.key).map((field) => row[field]);
    const known = this.known.get(nameOf(table, key));
    if (known !== undefined) known.stale = true;
  }
}

const nameOf = (table: Table, key: readonly unknown[]) => JSON.stringify([table.name, ...key]);

async function findIn(
  db: Reader,
  table: Table,
  key: readonly Scalar[],
  before: Promise<OpenRow | null> | null,
): Promise<OpenRow | null> {
  const doc = await rowByKey(db, table, key);
  return doc && new OpenRow(table, doc, await before);
}

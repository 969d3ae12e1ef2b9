// The declared tables, and how their rows are found.

import type {
  DocumentByName,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  GenericDataModel,
  IndexRange,
} from "convex/server";
import { convexToJson, type GenericId, type Value } from "convex/values";
import { layout, type TableLayout } from "../schema";
import { badRequest, failure } from "./errors";
import { own } from "./values";

const BY_CREATION: string = "by_creation_time";
export const CHUNKS: string = "mastra_chunks";
export const LARGE_VALUES: string = "mastra_large_values";
export const RECEIPTS: string = "mastra_receipts";

export type Reader = GenericDatabaseReader<GenericDataModel>;
export type Writer = GenericDatabaseWriter<GenericDataModel>;
export type Table = TableLayout & { readonly name: string };
export type Scalar = string | number | boolean | null;
export type Columns = { [column: string]: Value | undefined };
export type Doc = DocumentByName<GenericDataModel, string> & { _id: GenericId<string>; _creationTime: number };

/** One bound of an index range. A range is a list of these, in the order that Convex asks for. */
export type Constraint = ["eq" | "gt" | "gte" | "lt" | "lte", field: string, value: Value | undefined];
type RangeBuilder = { [method in Constraint[0]]: (field: string, value: Value | undefined) => RangeBuilder };

/** Returns the declaration of a table; refuses one that is not deployed. */
export function tableNamed(name: string): Table {
  const found = own(layout, name);
  if (found === undefined) throw failure("UnknownTable", `no table ${name} is deployed`, { table: name });
  return { ...found, name };
}

/** Returns the fields of an index; refuses one that is not deployed. Every table has `by_creation_time`. */
export function indexFields(table: Table, index: string): readonly string[] {
  if (index === BY_CREATION) return [];
  const fields = own(table.indexes, index);
  if (fields !== undefined) return fields;
  throw failure("UnknownIndex", `no index ${table.name}.${index} is deployed`, { table: table.name, index });
}

/** Refuses columns that are not declared. */
export function checkColumns(table: Table, columns: Iterable<string>): void {
  for (const column of columns) {
    if (!table.fields.includes(column)) throw badRequest(`${table.name} has no column ${column}`);
  }
}

/** Reads the rows of an index range in the order of the index, each when it is asked for. */
export function rowsInRange(
  db: Reader,
  table: Table,
  index: string,
  range: readonly Constraint[],
  order: "asc" | "desc",
): AsyncIterable<Doc> & { first(): Promise<Doc | null> } {
  // The types of a generic data model do not know how many fields an index has.
  const bounded = (builder: unknown) =>
    range.reduce((partial, [method, field, value]) => partial[method](field, value), builder as RangeBuilder);
  const query = db.query(table.name).withIndex(index, (builder) => bounded(builder) as unknown as IndexRange);
  return query.order(order) as unknown as ReturnType<typeof rowsInRange>;
}

/** Finds the row with a key, the oldest if there are several. */
export async function rowByKey(db: Reader, table: Table, key: readonly Scalar[]): Promise<Doc | null> {
  const fields = indexFields(table, table.key);
  if (key.length !== fields.length) throw badRequest(`a key of ${table.name} is ${fields.join(", ")}`);
  const range = fields.map((field, n): Constraint => ["eq", field, key[n]]);
  return rowsInRange(db, table, table.key, range, "asc").first();
}

/** Returns a row as clients see it: with its creation time and without the id of Convex. */
export function shown(row: Doc): Columns {
  const { _id, ...columns } = row;
  return columns;
}

/** Returns a text that changes when the row changes: 64 bits of a hash, two lanes of multiply and xor. */
export function fingerprint(row: Doc): string {
  const text = JSON.stringify(convexToJson(row)); // keys are sorted
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ b;
  return [a, b, text.length].map((part) => (part >>> 0).toString(16)).join("-");
}

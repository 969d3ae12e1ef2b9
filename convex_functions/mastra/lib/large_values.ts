// Values that are kept in chunks, and the references that stand for them in rows (docs/protocol.md, Large values).

import type { Value } from "convex/values";
import { indexFields, type Columns, type Doc, type Table } from "./tables";
import { isObject } from "./values";

const MARK = "__mastra_large";
const REFERENCE = /^__mastra_large:[0-9a-f]{32}:[0-9]{1,6}:[0-9]{1,12} \([^)]*\)$/;
const GENERATION = /__mastra_large:([0-9a-f]{32}):/g;

/** Tells whether a JSON text may hold a reference. */
export const mayRefer = (text: string) => text.includes(`${MARK}:`);

/** Tells whether a value is a reference: a text itself, or inside an object that stands for an object or an array. */
export function isReference(value: Value | undefined): boolean {
  const [held] = Array.isArray(value) && value.length === 1 && isObject(value[0]) ? value : [value];
  const text = isObject(held) && Object.keys(held).length === 1 ? held[MARK] : held;
  return typeof text === "string" && REFERENCE.test(text);
}

/** Returns the generations that a row references, one for each large value. */
export function generations(table: Table, row: Columns): Set<string> {
  const texts = table.large.map((column) => {
    const value = row[column];
    return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  });
  const found = texts.filter(mayRefer).flatMap((text) => [...text.matchAll(GENERATION)]);
  return new Set(found.map(([, generation]) => generation!));
}

/** Returns the text that names a row as the owner of a large value. */
export function ownerOf(table: Table, row: Doc): string {
  return JSON.stringify([table.name, ...indexFields(table, table.key).map((field) => row[field])]);
}

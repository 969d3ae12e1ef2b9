// Values that are kept in chunks, and the references that stand for them in rows (docs/protocol.md, Large values).

import type { Value } from "convex/values";
import { indexFields, type Columns, type Doc, type Table } from "./tables";
import { isObject } from "./values";

const MARK = "__mastra_large";
const REFERENCE = /^__mastra_large:[0-9a-f]{32}:[0-9]{1,6}:[0-9]{1,12} \([^)]*\)$/;
const GENERATION = /__mastra_large:([0-9a-f]{32}):/g;

/** Whether something in a JSON text may be a reference. */
export const mayRefer = (text: string) => text.includes(`${MARK}:`);

/** Whether a reference stands in place of a value: itself for a text, in an object for an object or an array. */
export function isReference(value: Value | undefined): boolean {
  const [held] = Array.isArray(value) && value.length === 1 && isObject(value[0]) ? value : [value];
  const text = isObject(held) && Object.keys(held).length === 1 ? held[MARK] : held;
  return typeof text === "string" && REFERENCE.test(text);
}

/** The generations that a row refers to. */
export function generations(table: Table, row: Columns): Set<string> {
  const texts = table.large.map((column) => {
    const value = row[column];
    return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  });
  const found = texts.filter(mayRefer).flatMap((text) => [...text.matchAll(GENERATION)]);
  return new Set(found.map(([, generation]) => generation!));
}

/** How a row is named as the owner of a large value. */
export function ownerOf(table: Table, row: Doc): string {
  return JSON.stringify([table.name, ...indexFields(table, table.key).map((field) => row[field])]);
}

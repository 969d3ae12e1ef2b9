// Values that are kept in chunks, and the references that stand for them in rows (docs/protocol.md, Large values).

import type { Value } from "convex/values";
import { MAX_RANGES, type Budget } from "./budgets";
import { tooLarge } from "./errors";
import { indexFields, rowByKey, tableNamed, type Columns, type Doc, type Table, type Writer } from "./tables";
import { isObject } from "./values";

export const VALUES: string = "mastra_large_values";
export const CHUNKS: string = "mastra_chunks";

/** Index ranges that it takes to note of a value that it is dropped. */
export const RANGES_TO_DROP = 2;

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

/** The generations that a row no longer refers to when it has become `now`, all of them if it was deleted. */
export function droppedBy(table: Table, row: Columns, now: Columns | undefined): string[] {
  if (table.large.length === 0) return [];
  const kept = now === undefined ? new Set<string>() : generations(table, now);
  return [...generations(table, row)].filter((generation) => !kept.has(generation));
}

/**
 * Notes of the values that rows referred to which of them they no longer do; `sweep` removes those. Each row comes with
 * what it has become, nothing if it was deleted.
 */
export async function dropValues(
  db: Writer,
  table: Table,
  rows: readonly (readonly [Doc, Columns | undefined])[],
  budget?: Budget,
): Promise<void> {
  const dropped = rows.flatMap(([row, now]) => {
    return droppedBy(table, row, now).map((generation) => ({ owner: ownerName(table, row), generation }));
  });
  if (budget !== undefined) {
    budget.ranges += RANGES_TO_DROP * dropped.length;
    if (budget.ranges > MAX_RANGES) throw tooLarge("the rows of this commit refer to too many large values", "ranges");
  }
  await Promise.all(dropped.map(({ owner, generation }) => drop(db, owner, generation)));
}

async function drop(db: Writer, owner: string, generation: string): Promise<void> {
  const value = await rowByKey(db, tableNamed(VALUES), [generation]);
  if (value?.["owner"] === owner) await db.patch(VALUES, value._id, { state: "dropped", since: Date.now() });
}

/** How a row is named as the owner of a large value. */
function ownerName(table: Table, row: Doc): string {
  return JSON.stringify([table.name, ...indexFields(table, table.key).map((field) => row[field])]);
}

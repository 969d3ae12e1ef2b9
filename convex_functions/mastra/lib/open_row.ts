// A row whose columns are opened once: JSON text is parsed at most once and printed at most once, whatever conditions,
// guards, edits and returned paths look at it.

import type { Value } from "convex/values";
import { largeValue } from "./errors";
import { isReference } from "./large_values";
import { changedInside, checkNoReference, parsedDeeply, parsedOnce, valueInside, type Path } from "./paths";
import type { Columns, Doc, Table } from "./tables";
import { checkIndexed, escaped, ESCAPED_KEYS, isObject, own, unescaped } from "./values";

/** A change of the value at the end of a path; `looks` tells whether the new value depends on the old one. */
export type PathEdit = {
  readonly path: Path;
  readonly looks: boolean;
  readonly reduce: (old: Value | undefined) => Value;
};

/** The forms of a column's value. Each is made when it is first asked for, and kept. */
type Column = {
  /** The value as the database has it. */
  readonly stored: () => Value | undefined;
  /** The value at a path that ends here: parsed, if the column is declared as JSON text. */
  readonly whole: () => Value | undefined;
  /** The value that a longer path starts from: JSON text is parsed, whatever the column is declared as. */
  readonly inside: () => Value | undefined;
  /** The JSON text of `whole`, null where there is no value. */
  readonly text: () => string | null;
  /** Whether members that Convex refuses are kept in chunks, so that a path cannot be followed. */
  readonly hidesMembers: boolean;
};

/**
 * Values that are read from it are shared: nobody may change them in place, and edits copy the containers on their way.
 */
export class OpenRow {
  private readonly columns = new Map<string, Column>();
  private readonly changed = new Set<string>();

  /** `before` is the same row, opened earlier: columns whose stored value is the same stay open. */
  constructor(
    readonly table: Table,
    readonly doc: Doc,
    before?: OpenRow | null,
  ) {
    for (const [name, column] of before?.columns ?? []) {
      if (column.stored() === own(doc, name)) this.columns.set(name, column);
    }
  }

  /** The value at a path, undefined where there is none. */
  get([name = "", ...keys]: Path): Value | undefined {
    const column = this.column(name);
    return keys.length === 0 ? column.whole() : valueInside(column.inside(), keys);
  }

  /** The JSON text of the value at a path, null where there is none. Refuses a path into a value kept in chunks. */
  text(path: Path): string | null {
    const [name = "", ...keys] = path;
    const column = this.column(name);
    if (column.hidesMembers) throw largeValue(path);
    if (keys.length === 0) return column.text();
    return textOf(valueInside(column.inside(), keys, (value) => checkNoReference(this.table, value, path)));
  }

  /** Replaces columns, and removes those that are undefined. */
  set(columns: Columns): void {
    for (const [name, value] of Object.entries(columns)) this.replace(name, opened(this.table, name, value));
  }

  /** Changes the value at a path. Refuses to look into a value kept in chunks. */
  edit({ path, looks, reduce }: PathEdit): void {
    const [name = "", ...keys] = path;
    const column = this.column(name);
    if (column.hidesMembers && (looks || keys.length > 0)) throw largeValue(path);
    const old = editable(this.table, name, column, keys.length > 0);
    const value = changedInside(this.table, old, keys, reduce, path);
    this.replace(name, edited(this.table, name, value, keys.length > 0));
  }

  /** The stored values of the columns that were replaced or edited, undefined for those that were removed. */
  close(): Columns {
    return Object.fromEntries([...this.changed].map((name) => [name, this.column(name).stored()]));
  }

  private column(name: string): Column {
    let column = this.columns.get(name);
    if (column === undefined) {
      column = opened(this.table, name, own(this.doc, name));
      this.columns.set(name, column);
    }
    return column;
  }

  private replace(name: string, column: Column): void {
    this.columns.set(name, column);
    this.changed.add(name);
  }
}

/** A column with a stored value. */
function opened(table: Table, name: string, stored: Value | undefined): Column {
  const whole = kept(() => {
    if (typeof stored !== "string") return stored === undefined ? undefined : unescaped(stored);
    return table.json.includes(name) ? parsedOnce(stored) : stored;
  });
  const members = table.large.includes(name) && isObject(stored) ? own(stored, ESCAPED_KEYS) : undefined;
  return {
    stored: () => stored,
    whole,
    inside: insideOf(whole),
    text: kept(() => textOf(whole())),
    hidesMembers: isReference(members),
  };
}

/** A column with a value that an edit made; `wasInside` tells that the edit's path went on inside the column. */
function edited(table: Table, name: string, value: Value, wasInside: boolean): Column {
  const itself = () => value;
  const inside = insideOf(itself);
  const text = kept(() => JSON.stringify(value));
  if (table.raw.includes(name)) {
    const stored = kept(() => storedRaw(table, name, value));
    return { stored, whole: itself, inside, text, hidesMembers: false };
  }
  if (table.json.includes(name)) return { stored: text, whole: itself, inside, text, hidesMembers: false };
  if (!wasInside) return opened(table, name, value);
  return { stored: text, whole: text, inside, text: kept(() => JSON.stringify(text())), hidesMembers: false };
}

/** The value that an edit begins with. A raw column of an older row may hold an object as JSON text. */
function editable(table: Table, name: string, { whole, inside }: Column, goesOn: boolean): Value | undefined {
  if (table.raw.includes(name)) return isObject(inside()) ? inside() : whole();
  return goesOn ? inside() : whole();
}

function storedRaw(table: Table, name: string, value: Value): Value {
  const stored = escaped(value);
  checkIndexed(stored, Object.values(table.indexes).flat(), name);
  return stored;
}

const insideOf = (whole: () => Value | undefined) =>
  kept(() => {
    const value = whole();
    return typeof value === "string" ? parsedDeeply(value) : value;
  });

const textOf = (value: Value | undefined) => (value === undefined ? null : JSON.stringify(value));

/** A function that calls another one when it is called first, and keeps the result. */
function kept<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

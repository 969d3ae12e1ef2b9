// A row whose columns are opened once. However many conditions, guards, edits and returned paths look at a JSON column,
// its text is parsed at most once, and printed at most once after edits.

import type { Value } from "convex/values";
import { largeValue } from "./errors";
import { isReference } from "./large_values";
import { changedInside, checkNoReference, parsedDeeply, parsedOnce, valueInside, type Path } from "./paths";
import type { Columns, Doc, Table } from "./tables";
import { checkIndexed, escaped, ESCAPED_KEYS, isObject, own, unescaped } from "./values";

/** An edit of the value at a path. `readsOld` tells whether the new value depends on the old one. */
export type PathEdit = {
  readonly path: Path;
  readonly readsOld: boolean;
  readonly reduce: (old: Value | undefined) => Value;
};

/** The forms of a column's value. Each is made when it is needed first, and kept. */
type Column = {
  /** The value as the database has it. */
  readonly stored: () => Value | undefined;
  /** The value at a path that ends here: parsed, if the column is declared as JSON text. */
  readonly whole: () => Value | undefined;
  /** The value that a longer path starts from: JSON text is parsed, whatever the column is declared as. */
  readonly inside: () => Value | undefined;
  /** The JSON text of `whole`, null where there is no value. */
  readonly text: () => string | null;
  /** True where the members that Convex refuses are kept in chunks, so that no path can be followed. */
  readonly hidesMembers: boolean;
};

/**
 * Reads and edits the columns of one row. Values that it returns are shared, so they must not be changed in place;
 * edits copy the containers on their way.
 */
export class OpenRow {
  private readonly columns = new Map<string, Column>();
  private readonly changed = new Set<string>();

  /** Takes over the columns that were opened `before`, if their stored values are still the same. */
  constructor(
    readonly table: Table,
    readonly doc: Doc,
    before?: OpenRow | null,
  ) {
    for (const [name, column] of before?.columns ?? []) {
      if (column.stored() === own(doc, name)) this.columns.set(name, column);
    }
  }

  /** Returns the value at a path, undefined where there is none. */
  get([name = "", ...keys]: Path): Value | undefined {
    const column = this.column(name);
    return keys.length === 0 ? column.whole() : valueInside(column.inside(), keys);
  }

  /** Returns the JSON text of the value at a path, null where there is none. Refuses to read inside a large value. */
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

  /** Changes the value at a path. Refuses to edit inside a large value. */
  edit({ path, readsOld, reduce }: PathEdit): void {
    const [name = "", ...keys] = path;
    const column = this.column(name);
    if (column.hidesMembers && (readsOld || keys.length > 0)) throw largeValue(path);
    const old = editable(this.table, name, column, keys.length > 0);
    const value = changedInside(this.table, old, keys, reduce, path);
    this.replace(name, edited(this.table, name, value, keys.length > 0));
  }

  /** Returns the columns to write: those that were replaced or edited, undefined for those that were removed. */
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

/** Opens a column with this stored value. */
function opened(table: Table, name: string, stored: Value | undefined): Column {
  const whole = lazy(() => {
    if (typeof stored !== "string") return stored === undefined ? undefined : unescaped(stored);
    return table.json.includes(name) ? parsedOnce(stored) : stored;
  });
  const members = table.large.includes(name) && isObject(stored) ? own(stored, ESCAPED_KEYS) : undefined;
  return {
    stored: () => stored,
    whole,
    inside: insideOf(whole),
    text: lazy(() => textOf(whole())),
    hidesMembers: isReference(members),
  };
}

/** Returns a column after an edit; `wasInside` tells that the path of the edit went on inside the column. */
function edited(table: Table, name: string, value: Value, wasInside: boolean): Column {
  const itself = () => value;
  const inside = insideOf(itself);
  const text = lazy(() => JSON.stringify(value));
  if (table.raw.includes(name)) {
    const stored = lazy(() => storedRaw(table, name, value));
    return { stored, whole: itself, inside, text, hidesMembers: false };
  }
  if (table.json.includes(name)) return { stored: text, whole: itself, inside, text, hidesMembers: false };
  if (!wasInside) return opened(table, name, value);
  return { stored: text, whole: text, inside, text: lazy(() => JSON.stringify(text())), hidesMembers: false };
}

/** Returns the value that an edit starts from. A raw column of an older row may hold an object as JSON text. */
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
  lazy(() => {
    const value = whole();
    return typeof value === "string" ? parsedDeeply(value) : value;
  });

const textOf = (value: Value | undefined) => (value === undefined ? null : JSON.stringify(value));

/** Returns a function that makes a value when it is called first, and keeps it. */
function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

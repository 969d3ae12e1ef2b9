// Sorted views of a table. convex-test answers every query by looking at every document of
// every table; with these, a query costs two binary searches and the rows that it returns.

import { compareValues, type Value } from "convex/values";
import { internals, type Doc, type RangeExpression } from "./internals";

type Key = (Value | undefined)[];
interface Entry {
  key: Key;
  doc: Doc;
}

/** Compares as many leading values as `bound` has. */
function compareKeys(key: Key, bound: Key): number {
  for (let i = 0; i < bound.length; i++) {
    const a = key[i];
    const b = bound[i];
    if (Object.is(a, b)) continue;
    if (typeof a === "number" && typeof b === "number" && (a < b || a > b)) return a < b ? -1 : 1;
    const order = compareValues(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

class SortedIndex {
  private entries: Entry[] = [];

  constructor(
    private readonly fields: string[],
    docs: Iterable<Doc>,
  ) {
    for (const doc of docs) this.entries.push({ key: this.keyOf(doc), doc });
    this.entries.sort((a, b) => compareKeys(a.key, b.key));
  }

  add(doc: Doc): void {
    const key = this.keyOf(doc);
    this.entries.splice(this.position(key, false), 0, { key, doc });
  }

  remove(doc: Doc): void {
    this.entries.splice(this.position(this.keyOf(doc), false), 1); // keys end with _id: unique
  }

  /** The documents of a range, which must have been validated against the index's fields. */
  range(expressions: RangeExpression[]): Doc[] {
    const prefix: Key = [];
    let [lower, afterLower]: [Key, boolean] = [prefix, false];
    let [upper, afterUpper]: [Key, boolean] = [prefix, true];
    for (const { type, value } of expressions) {
      const bound = internals.evaluateQueryValue(value);
      if (type === "Eq") prefix.push(bound);
      else if (type === "Gt" || type === "Gte") [lower, afterLower] = [[...prefix, bound], type === "Gt"];
      else [upper, afterUpper] = [[...prefix, bound], type === "Lte"];
    }
    return this.entries
      .slice(this.position(lower, afterLower), this.position(upper, afterUpper))
      .map((entry) => entry.doc);
  }

  /** Where the first entry not below `bound` is, or with `after` the first one above it. */
  private position(bound: Key, after: boolean): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareKeys(this.entries[middle]!.key, bound);
      if (order < 0 || (after && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private keyOf(doc: Doc): Key {
    return this.fields.map((field) => (field.includes(".") ? internals.evaluateFieldPath(field, doc) : doc[field]));
  }
}

/** What the running transaction sees of one table. An index is built when it is first asked for. */
export class TableView {
  readonly docs = new Map<string, Doc>();
  private readonly indexes = new Map<string, SortedIndex>();

  set(id: string, doc: Doc | null): void {
    const old = this.docs.get(id) ?? null;
    if (old === doc) return;
    if (doc === null) this.docs.delete(id);
    else this.docs.set(id, doc);
    for (const index of this.indexes.values()) {
      if (old !== null) index.remove(old);
      if (doc !== null) index.add(doc);
    }
  }

  index(name: string, fields: string[]): SortedIndex {
    let index = this.indexes.get(name);
    if (index === undefined) this.indexes.set(name, (index = new SortedIndex(fields, this.docs.values())));
    return index;
  }
}

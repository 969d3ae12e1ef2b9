// convex-test's in-memory database, made fast and as strict as Convex by replacing methods of its
// class. Its documents and pending writes stay where they are: views only follow them.

import { getDocumentSize, type Value } from "convex/values";
import { activeTracker } from "./counters";
import { TableView } from "./indexes";
import { internals, type Database, type Doc, type Query, type QuerySource } from "./internals";
import { checkDocument } from "./limits";
import { vectorSearch } from "./vectors";

const { evaluateFilter, tableNameFromId, validateIndexRangeExpression } = internals;

const views = new WeakMap<Database, Map<string, TableView>>();
let newest: Database | undefined;

/** The database that the latest call of convexTest() made. */
export const newestDatabase = (): Database => newest!;

export function viewOf(database: Database, table: string): TableView {
  const tables = views.get(database)!;
  let view = tables.get(table);
  if (view === undefined) tables.set(table, (view = new TableView()));
  return view;
}

/** Makes the views show these documents as the transaction sees them now. */
function follow(database: Database, layers: object[]): void {
  for (const id of new Set(layers.flatMap(Object.keys))) {
    viewOf(database, tableNameFromId(id)!).set(id, database.get(undefined, id));
  }
}

function indexFields(database: Database, table: string, index: string): string[] {
  if (index === "by_creation_time") return ["_creationTime", "_id"];
  if (index === "by_id") return ["_id"];
  const found = database._schema?.tables.get(table)?.indexes.find((one) => one.indexDescriptor === index);
  if (found === undefined) throw new Error(`Index ${table}.${index} not found.`);
  return [...found.fields, "_creationTime", "_id"];
}

/** The rows of a query one by one; a row that its filter drops is charged as read, too. */
function* stream({ sortedDocs, filterFn, limit }: QuerySource): Generator<Doc, undefined> {
  let left = limit ?? Infinity;
  for (const doc of sortedDocs) {
    if (left <= 0) return;
    if (filterFn(doc)) {
      left -= 1;
      yield doc;
    } else {
      activeTracker?.trackRead(getDocumentSize(doc as Record<string, Value>));
    }
  }
}

export function installDatabase(limits: boolean): void {
  const prototype = internals.DatabaseFake.prototype;
  const original = Object.create(null, Object.getOwnPropertyDescriptors(prototype)) as Database;
  const isSystem = (id: string) => tableNameFromId(id)?.startsWith("_") ?? false;

  const replacements: Partial<Database> & ThisType<Database> = {
    validateSchema() {
      newest = this; // called by the constructor
      views.set(this, new Map());
      original.validateSchema.call(this);
    },

    _addWrite(id, value) {
      original._addWrite.call(this, id, value);
      viewOf(this, tableNameFromId(id)!).set(id, value);
    },
    commit(commitTs) {
      const layers = this._writes.slice(-1);
      original.commit.call(this, commitTs);
      follow(this, layers); // commit timestamps replace their placeholders
      if (this._writes.length === 0) this._queryResults = {}; // nothing else ever frees them
    },
    rollbackWrites() {
      const layers = this._writes.slice(-1);
      original.rollbackWrites.call(this);
      follow(this, layers);
      if (this._writes.length === 0) this._queryResults = {};
    },
    stashWrites() {
      const stashed = original.stashWrites.call(this);
      follow(this, stashed);
      return stashed;
    },
    restoreWrites(stashed) {
      original.restoreWrites.call(this, stashed);
      follow(this, stashed);
    },

    _iterateDocs(table, callback) {
      for (const doc of viewOf(this, table).docs.values()) callback(doc);
    },
    _resolveQuerySource(query: Query) {
      const { source } = query;
      if (source.type === "Search") return original._resolveQuerySource.call(this, query);
      const [table, index] =
        source.type === "IndexRange"
          ? (source.indexName.split(".") as [string, string])
          : [source.tableName, "by_creation_time"];
      const fields = indexFields(this, table, index);
      const range = source.type === "IndexRange" ? source.range : [];
      validateIndexRangeExpression({ range }, fields);
      const sortedDocs = viewOf(this, table).index(index, fields).range(range);
      const order = source.order ?? "asc";
      if (order === "desc") sortedDocs.reverse();
      const filters = query.operators.flatMap((operator) => ("filter" in operator ? [operator.filter] : []));
      const limit = query.operators.flatMap((operator) => ("limit" in operator ? [operator.limit] : []))[0] ?? null;
      const filterFn = (doc: Doc) => filters.every((filter) => evaluateFilter(doc, filter));
      return { sortedDocs, filterFn, limit, fieldPathsToSortBy: fields, order };
    },
    startQuery(query) {
      const id = this._nextQueryId++;
      this._queryResults[id] = stream(this._resolveQuerySource(query));
      return id;
    },
    queryNext(queryId) {
      const rows = this._queryResults[queryId] as ReturnType<typeof stream> | undefined;
      if (rows === undefined) throw new Error("Bad queryId");
      const { value, done } = rows.next();
      return done ? { value: null, done: true } : { value: value as Doc, done: false };
    },
    vectorSearch(index, vector, filters, limit) {
      return vectorSearch(this, index, vector, filters, limit);
    },

    // Convex charges an index range for every access by id; convex-test only for db.get.
    patch(table, id, value) {
      if (!isSystem(id)) activeTracker?.trackIndexRange();
      original.patch.call(this, table, id, value);
    },
    replace(table, id, value) {
      if (!isSystem(id)) activeTracker?.trackIndexRange();
      original.replace.call(this, table, id, value);
    },
    delete(table, id) {
      if (!isSystem(id)) activeTracker?.trackIndexRange();
      original.delete.call(this, table, id);
    },
    _validate(table, doc) {
      if (limits && !table.startsWith("_")) checkDocument(doc);
      original._validate.call(this, table, doc);
    },
  };
  Object.assign(prototype, replacements);
}

// One deployment: functions and the data they work on, in convex-test.

import { makeFunctionReference } from "convex/server";
import type { Value } from "convex/values";
import { newestDatabase, viewOf } from "./database";
import { convexTest, type Database, type Doc } from "./internals";
import { isRegistered, type Functions, type Kind, type RegisteredFunction } from "./modules";

const FLAGS = { query: "isQuery", mutation: "isMutation", action: "isAction" } as const;
const kindOf = (registered: RegisteredFunction) =>
  (Object.keys(FLAGS) as Kind[]).find((kind) => registered[FLAGS[kind]]) ?? "HTTP action";
const capitalised = (text: string) => text[0]!.toUpperCase() + text.slice(1);

export interface FunctionPath {
  module: string;
  name: string;
}

export class Backend {
  private test!: ReturnType<typeof convexTest>;
  private database!: Database;
  private gate: Promise<void> = Promise.resolve();
  private readonly mutations = new Set<Promise<unknown>>();
  /** Called after each change of the data. */
  readonly listeners = new Set<() => void>();

  constructor(
    private readonly functions: Functions,
    private readonly limits: boolean,
  ) {
    this.clear();
  }

  /** Forgets all data. */
  clear(): void {
    const modules = [...this.functions.modules].map(([name, exports]) => [`./${name}.js`, async () => exports]);
    this.test = convexTest({
      schema: this.functions.schema,
      // convex-test takes the place of this one for the root of the folder
      modules: { ...Object.fromEntries(modules), "./_generated/api.js": async () => ({}) },
      transactionLimits: this.limits,
    });
    this.database = newestDatabase();
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  /** Runs queries while no mutation does, so that all of them see one snapshot. */
  async snapshot<T>(work: () => Promise<T>): Promise<T> {
    const before = this.gate;
    let open!: () => void;
    this.gate = new Promise((resolve) => (open = resolve));
    await before;
    await Promise.allSettled(this.mutations);
    try {
      return await work();
    } finally {
      open();
    }
  }

  /** Runs a mutation when no snapshot is read. */
  private async mutate(work: () => Promise<Value>): Promise<Value> {
    for (let gate = this.gate; ; gate = this.gate) {
      await gate;
      if (gate === this.gate) break;
    }
    const mutation = work();
    this.mutations.add(mutation);
    try {
      return await mutation;
    } finally {
      this.mutations.delete(mutation);
      this.changed();
    }
  }

  async run(kind: Kind, { module, name }: FunctionPath, args: Record<string, Value>, isAdmin: boolean): Promise<Value> {
    const path = `${module}:${name}`;
    const registered = this.functions.modules.get(module)?.[name];
    if (!isRegistered(registered) || (!isAdmin && !registered.isPublic)) {
      throw new Error(`Could not find public function for '${path}'. Did you forget to run \`npx convex deploy\`?`);
    }
    if (!registered[FLAGS[kind]]) {
      const actual = kindOf(registered);
      throw new Error(`Trying to execute ${path} as ${capitalised(kind)}, but it is defined as ${capitalised(actual)}.`);
    }
    const call = this.test[kind] as (reference: unknown, args: unknown) => Promise<Value>;
    const work = () => call(makeFunctionReference(path), args);
    return kind === "mutation" ? this.mutate(work) : work();
  }

  /** All functions, whoever may call them. */
  deployed(): { path: string; kind: string; isPublic: boolean }[] {
    return [...this.functions.modules].flatMap(([module, exports]) =>
      Object.entries(exports).flatMap(([name, value]) => {
        if (!isRegistered(value)) return [];
        return [{ path: `${module}:${name}`, kind: kindOf(value), isPublic: !value.isInternal }];
      }),
    );
  }

  /** Inserts documents past the transaction limits and the counters. */
  async load(tables: Record<string, Record<string, Value>[]>): Promise<void> {
    await this.test.run(async () => {
      for (const [table, docs] of Object.entries(tables)) {
        for (const doc of docs) this.database.insert(table, doc);
      }
    });
    this.changed();
  }

  /** The documents of a table, oldest first, with no transaction running. */
  async dump(table: string): Promise<Doc[]> {
    let docs: Doc[] = [];
    await this.test.run(async () => {
      docs = viewOf(this.database, table).index("by_creation_time", ["_creationTime", "_id"]).range([]);
    });
    return docs;
  }

  async counts(): Promise<Record<string, number>> {
    let counts: Record<string, number> = {};
    await this.test.run(async () => {
      const tables = Object.keys(this.functions.schema?.tables ?? {});
      counts = Object.fromEntries(tables.map((table) => [table, viewOf(this.database, table).docs.size]));
    });
    return counts;
  }
}

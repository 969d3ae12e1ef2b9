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
    return await call(makeFunctionReference(path), args);
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

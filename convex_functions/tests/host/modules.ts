// A folder of Convex functions: finds its modules, as `npx convex deploy` would, and loads them.

import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { GenericSchema, SchemaDefinition } from "convex/server";
import type { Value } from "convex/values";
import { checkTransfer } from "./limits";

export type Kind = "query" | "mutation" | "action";

export interface RegisteredFunction {
  isQuery?: true;
  isMutation?: true;
  isAction?: true;
  isPublic?: true;
  isInternal?: true;
  _handler: (ctx: unknown, args: Value) => unknown;
}

type Exports = Record<string, unknown>;

export interface Functions {
  schema: SchemaDefinition<GenericSchema, boolean> | undefined;
  /** By path without extension: `mastra/storage`. */
  modules: Map<string, Exports>;
}

const SKIPPED_FOLDERS = new Set(["node_modules", "_generated"]);
const isModule = (name: string) =>
  /^[\w-]+(\.[\w-]+)*\.(ts|js|mjs)$/.test(name) && !/\.(d|test|spec|config)\.[a-z]+$/.test(name);

function findModules(folder: string, prefix = ""): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isFile()) return isModule(entry.name) ? [prefix + entry.name] : [];
    if (!entry.isDirectory() || SKIPPED_FOLDERS.has(entry.name) || entry.name.startsWith(".")) return [];
    return findModules(path.join(folder, entry.name), `${prefix}${entry.name}/`);
  });
}

export const isRegistered = (value: unknown): value is RegisteredFunction =>
  value !== null && (typeof value === "function" || typeof value === "object") && "_handler" in value;

/** Checks the sizes of arguments and result inside the transaction: what is too large is not committed. */
function withTransferLimits(name: string, registered: RegisteredFunction): RegisteredFunction {
  const handler = async (ctx: unknown, args: Value) => {
    checkTransfer(args, `Arguments for ${name} are`);
    const result = (await registered._handler(ctx, args)) as Value | undefined;
    checkTransfer(result, `Function ${name} return value is`);
    return result;
  };
  return Object.assign(() => {}, registered, { _handler: handler });
}

/** Loads everything at once, so that a broken module is noticed now and not by the first call. */
export async function loadFunctions(folder: string, limits: boolean): Promise<Functions> {
  const modules: Functions["modules"] = new Map();
  for (const file of findModules(folder)) {
    const name = file.replace(/\.[a-z]+$/, "");
    const exports: Exports = { ...(await import(pathToFileURL(path.join(folder, file)).href)) };
    for (const [key, value] of Object.entries(exports)) {
      if (limits && isRegistered(value)) exports[key] = withTransferLimits(`${name}:${key}`, value);
    }
    modules.set(name, exports);
  }
  const schema = modules.get("schema")?.["default"] as Functions["schema"];
  return { schema, modules };
}

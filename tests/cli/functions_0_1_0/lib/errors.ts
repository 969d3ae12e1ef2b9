// Failures that a client can tell apart. Production hides the text of any other error.

import { ConvexError, type Value } from "convex/values";

export type FailureCode =
  | "ProtocolMismatch"
  | "SchemaMismatch"
  | "UnknownTable"
  | "UnknownIndex"
  | "BadRequest"
  | "TooLarge"
  | "LargeValue"
  | "Rejected";

export function failure(code: FailureCode, message: string, details: { [name: string]: Value } = {}) {
  return new ConvexError({ code, message, ...details });
}

export const badRequest = (message: string) => failure("BadRequest", message);

/** `limit` names what was exceeded: `ranges`, `bytes`, `rows`, or `database` for a limit of Convex itself. */
export const tooLarge = (message: string, limit: string) => failure("TooLarge", message, { limit });

/** A path or an edit leads into a value that is kept in chunks; the client reads it and sees to it itself. */
export const largeValue = (path: readonly string[]) =>
  failure("LargeValue", `${path.join(".")} leads into a large value`, { path: path.join(".") });

const SIZE_WORDS = /\btoo (many|much|large|long|nested)\b/i;

/** Runs a function; errors of the database become failures with a code. */
export async function withCodes<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConvexError) throw error;
    const message = withoutValues(error instanceof Error ? error.message : String(error));
    throw SIZE_WORDS.test(message) ? tooLarge(message, "database") : failure("Rejected", message);
  }
}

/** The first line and the path: the lines between and after them print the refused document. */
function withoutValues(message: string): string {
  const [first = "", ...others] = message.split("\n");
  return [first, ...others.filter((line) => line.startsWith("Path:"))].join(" ");
}

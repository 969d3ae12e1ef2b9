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

/** Reports a limit that was exceeded: `ranges`, `bytes`, `rows`, or `database` for a limit of Convex itself. */
export const tooLarge = (message: string, limit: string) => failure("TooLarge", message, { limit });

/** Reports a path or an edit into a value that is kept in chunks; the client then reads and changes it itself. */
export const largeValue = (path: readonly string[]) =>
  failure("LargeValue", `${path.join(".")} leads into a large value`, { path: path.join(".") });

const SIZE_WORDS = /\btoo (many|much|large|long|nested)\b/i;

/** Runs a function, and turns errors of the database into failures with a code. */
export async function withCodes<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConvexError) throw error;
    const message = withoutValues(error instanceof Error ? error.message : String(error));
    throw SIZE_WORDS.test(message) ? tooLarge(message, "database") : failure("Rejected", message);
  }
}

/** Keeps the first line and the path of a message; its other lines print the document that was refused. */
function withoutValues(message: string): string {
  const [first = "", ...others] = message.split("\n");
  return [first, ...others.filter((line) => line.startsWith("Path:"))].join(" ");
}

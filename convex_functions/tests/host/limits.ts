// The limits of Convex that convex-test does not know. Those of a transaction (rows, bytes and
// index ranges) are convex-test's own; database.ts adds what it forgets to charge.

import { getConvexSize, getDocumentSize, type Value } from "convex/values";

const MIB = 1 << 20;
export const MAX_BODY_BYTES = 16 * MIB + 2000;
const MAX_TRANSFER_BYTES = 16 * MIB;
const MAX_DOCUMENT_BYTES = MIB;
const MAX_NESTING = 64;
const MAX_DOCUMENT_NESTING = 16;
const MAX_ARRAY_LENGTH = 8192;
const MAX_FIELDS = 1024;

/** How deep a value is nested, having checked the arrays and objects in it. */
function checkedNesting(value: Value | undefined): number {
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return 0;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return 0; // refused or resolved elsewhere
  const items = Array.isArray(value) ? value : Object.values(value).filter((item) => item !== undefined);
  if (Array.isArray(value) && items.length > MAX_ARRAY_LENGTH) {
    throw new Error(`Array length is too long (${items.length} > maximum length ${MAX_ARRAY_LENGTH})`);
  }
  if (!Array.isArray(value) && items.length > MAX_FIELDS) {
    throw new Error(`Object has too many fields (${items.length} > maximum number ${MAX_FIELDS})`);
  }
  let deepest = 0;
  for (const item of items) deepest = Math.max(deepest, checkedNesting(item));
  return deepest + 1;
}

function checkNesting(value: Value | undefined, limit: number, what: string): void {
  const nesting = checkedNesting(value);
  if (nesting > limit) throw new Error(`${what} is too nested (nested ${nesting} levels deep > maximum nesting ${limit})`);
}

/** Arguments or a return value of a function; keys are checked when they are encoded. */
export function checkTransfer(value: Value | undefined, what: string): void {
  checkNesting(value, MAX_NESTING, "Value");
  const size = getConvexSize(value);
  if (size > MAX_TRANSFER_BYTES) throw new Error(`${what} too large (actual: ${size} bytes, limit: 16 MiB)`);
}

export function checkDocument(doc: Record<string, Value | undefined>): void {
  for (const field of Object.keys(doc)) {
    if (field.startsWith("_") && field !== "_id" && field !== "_creationTime") {
      throw new Error(`Field '${field}' starts with an underscore, which is reserved for system fields`);
    }
  }
  checkNesting(doc as Value, MAX_DOCUMENT_NESTING, "Document");
  const size = getDocumentSize(doc as Record<string, Value>);
  if (size > MAX_DOCUMENT_BYTES) throw new Error(`Value is too large (${size} bytes > maximum size 1 MiB)`);
}

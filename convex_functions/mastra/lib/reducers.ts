// Reducers: pure functions of the old value and a given one. tests/cases/reducers.json has examples.

import { compareValues, type Value } from "convex/values";
import { badRequest } from "./errors";
import type { Edit } from "./protocol";
import { deepEqual, isObject, type JsonObject } from "./values";

export type Reducer = (old: Value | undefined) => Value;

/** Returns the reducer with its given value, which is checked at once; an old value is checked when it is met. */
export function reducer(name: Edit["reducer"], given: Value): Reducer {
  switch (name) {
    case "set":
      return () => given;
    case "merge":
      if (!isObject(given)) throw badRequest("`merge` wants an object");
      return (old) => (isObject(old) ? { ...old, ...given } : given);
    case "append":
      if (!Array.isArray(given)) throw badRequest("`append` wants an array");
      return (old) => append(old ?? [], given);
    case "add":
      if (typeof given !== "number") throw badRequest("`add` wants a number");
      return (old) => add(old ?? 0, given);
    case "max":
      if (typeof given !== "number" && typeof given !== "string") throw badRequest("`max` wants a number or text");
      return (old) => (typeof old === typeof given && compareValues(old, given) > 0 ? (old as Value) : given);
    case "slots":
      if (!isObject(given)) throw badRequest("`slots` wants an object");
      return (old) => slots(old, given);
  }
}

function append(old: Value, given: Value[]): Value {
  if (!Array.isArray(old)) throw badRequest("`append` met a value that is no array");
  return [...old, ...given];
}

function add(old: Value, given: number): Value {
  const sum = typeof old === "number" ? old + given : NaN;
  if (!Number.isFinite(sum)) throw badRequest("`add` met a value that is no number, or left the range of numbers");
  return sum;
}

/** Merges the result of a step whose parts finish and suspend in any order. */
function slots(old: Value | undefined, given: JsonObject): Value {
  if (!isObject(old)) return given;
  const [{ output: before }, { output: after }] = [old, given];
  if (!Array.isArray(before) || !Array.isArray(after)) return given;
  const pending = after.some(isPending);
  return { ...old, ...(pending ? {} : given), output: mergedOutput(before, after, pending) };
}

function mergedOutput(old: Value[], given: Value[], pending: boolean): Value[] {
  const output = [...old];
  given.forEach((item, n) => {
    const before = old[n] ?? null;
    if (isPending(item)) output[n] = isPending(before) || isSuspended(before) ? null : before;
    else output[n] = item !== null && !pending ? item : before;
  });
  return output;
}

const isPending = (item: Value) => deepEqual(item, { __mastra_pending__: true });

function isSuspended(item: Value): boolean {
  if (!isObject(item)) return false;
  const { status, suspendPayload, suspendedAt } = item;
  return status === "suspended" && (suspendPayload !== undefined || suspendedAt !== undefined);
}

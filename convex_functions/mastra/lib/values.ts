// JSON values: comparison, JSON text, and keys that Convex refuses.

import type { Value } from "convex/values";
import { tooLarge } from "./errors";

export type JsonObject = { [key: string]: Value | undefined };

/** The key under which an object of a raw column keeps, as JSON text, the members whose keys Convex refuses. */
export const ESCAPED_KEYS = "__mastra_json";
/** Convex refuses longer keys, longer arrays, and objects with this many members. */
const MAX_KEY_LENGTH = 1_024;
const MAX_ARRAY_LENGTH = 8_192;
const MAX_FIELDS = 1_024;
/** A raw column has at most this many levels of containers: Convex takes 16, two of which the row and its table use. */
const RAW_LEVELS = 14;

export function own<T>(object: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined;
}

export function isObject(value: Value | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
}

export function deepEqual(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, n) => deepEqual(item, b[n]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.prototype.hasOwnProperty.call(b, key) && deepEqual(a[key], b[key]))
  );
}

/** Parses JSON text; undefined when it is not JSON. */
export function parsed(text: string): Value | undefined {
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}

function isPlainKey(key: string): boolean {
  return (
    key.length <= MAX_KEY_LENGTH && /^(?!\$)[\x20-\x7e]*$/.test(key) && key !== "__proto__" && key !== ESCAPED_KEYS
  );
}

/**
 * Returns a value as a raw column stores it: at every level, members that Convex refuses for their keys, levels or
 * sizes move into JSON text. An array that no object holds is refused itself.
 */
export function escaped(value: Value): Value {
  const fitting = fitted(value, RAW_LEVELS);
  if (fitting === undefined) throw tooLarge("an array has more levels or elements than Convex takes", "database");
  return fitting;
}

/** Fits a value into so many levels of containers; undefined if it has more and no object can hold them as text. */
function fitted(value: Value, levels: number): Value | undefined {
  if (!Array.isArray(value) && !isObject(value)) return value;
  if (levels === 0) return undefined;
  if (Array.isArray(value)) {
    const items = value.length > MAX_ARRAY_LENGTH ? [undefined] : value.map((item) => fitted(item, levels - 1));
    return items.includes(undefined) ? undefined : (items as Value[]);
  }
  const members = Object.entries(value).filter(([, item]) => item !== undefined) as [string, Value][];
  const possible = members.length < MAX_FIELDS ? members.filter(([key]) => isPlainKey(key)) : [];
  const plain = possible.flatMap(([key, item]): [string, Value][] => {
    const fitting = fitted(item, levels - 1);
    return fitting === undefined ? [] : [[key, fitting]];
  });
  const result: { [key: string]: Value } = Object.fromEntries(plain);
  if (plain.length < members.length) {
    const rest = members.filter(([key]) => !Object.prototype.hasOwnProperty.call(result, key));
    result[ESCAPED_KEYS] = JSON.stringify(Object.fromEntries(rest));
  }
  return result;
}

/** Undoes `escaped`. A value in which nothing is escaped is returned itself. */
export function unescaped(value: Value): Value {
  if (!holdsEscaped(value)) return value;
  if (Array.isArray(value)) return value.map(unescaped);
  if (!isObject(value)) return value;
  const members = escapedMembers(value);
  const plain = Object.entries(value).filter(([key]) => members === undefined || key !== ESCAPED_KEYS);
  const result = Object.fromEntries(plain.map(([key, item]) => [key, item === undefined ? item : unescaped(item)]));
  return { ...result, ...members };
}

function holdsEscaped(value: Value | undefined): boolean {
  if (Array.isArray(value)) return value.some(holdsEscaped);
  return isObject(value) && (own(value, ESCAPED_KEYS) !== undefined || Object.values(value).some(holdsEscaped));
}

/** Parses the members that an object of a raw column keeps as JSON text; undefined when it has none. */
export function escapedMembers(value: JsonObject): JsonObject | undefined {
  const text = own(value, ESCAPED_KEYS);
  const members = typeof text === "string" ? parsed(text) : undefined;
  return isObject(members) ? members : undefined;
}

/** Refuses a value of a raw column with escaped members that an index names: the index would not find them. */
export function checkIndexed(stored: Value, indexed: readonly string[], column: string): void {
  const inColumn = indexed.filter((field) => field.startsWith(`${column}.`));
  const members = inColumn.length > 0 && isObject(stored) ? (escapedMembers(stored) ?? {}) : {};
  const field = inColumn.find((name) => own(members, name.slice(column.length + 1)) !== undefined);
  if (field === undefined) return;
  const problem = "is indexed, and found only in objects of at most 1023 members, not too deep";
  throw tooLarge(`${field} ${problem}`, "database");
}

/** Returns the position that a key names in an array; undefined when it names none. */
export function arrayPosition(array: readonly Value[], key: string): number | undefined {
  const position = /^[0-9]+$/.test(key) ? Number(key) : Infinity;
  return position < array.length ? position : undefined;
}

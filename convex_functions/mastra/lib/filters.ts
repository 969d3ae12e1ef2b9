// Mastra's filter language, as a predicate. What is wrong with a filter is reported before any value is looked at.

import { compareValues, type Value } from "convex/values";
import { badRequest } from "./errors";
import { compileProgram } from "./patterns";
import { compareInstants, instant } from "./times";
import { arrayPosition, deepEqual, isObject, own } from "./values";

/** `undefined` is a value that is missing. */
export type Test = (value: Value | undefined) => boolean;

const OPERATORS: { readonly [operator: string]: (given: Value) => Test } = {
  $eq: equals,
  $ne: (given) => not(equals(given)),
  $gt: (given) => ordered(given, (order) => order > 0),
  $gte: (given) => ordered(given, (order) => order >= 0),
  $lt: (given) => ordered(given, (order) => order < 0),
  $lte: (given) => ordered(given, (order) => order <= 0),
  $in: (given) => any(list("$in", given).map(equals)),
  $nin: (given) => not(any(list("$nin", given).map(equals))),
  $all: (given) => {
    const wanted = list("$all", given);
    return (value) => Array.isArray(value) && wanted.length > 0 && wanted.every((one) => has(value, one));
  },
  $elemMatch: (given) => {
    const test = filter(given);
    return (value) => Array.isArray(value) && value.some(test);
  },
  $exists: (given) => {
    if (typeof given !== "boolean") throw badRequest("the value of $exists is true or false");
    return (value) => (value !== undefined) === given;
  },
  $size: (given) => {
    if (!Number.isInteger(given) || Number(given) < 0) throw badRequest("the value of $size is a whole number >= 0");
    return (value) => Array.isArray(value) && value.length === given;
  },
  $contains: (given) => (value) => contains(value, given),
  $regex: (given) => {
    const finds = compileProgram(given);
    return (value) => typeof value === "string" && finds(value);
  },
  $not: (given) => not(filter(given)),
  $and: (given) => all(list("$and", given).map(filter)),
  $or: (given) => any(list("$or", given).map(filter)),
  $nor: (given) => not(any(list("$nor", given).map(filter))),
};
/** The name of a field has at most so many parts between dots, as JSON text is nested no deeper. */
const MAX_PARTS = 128;
/** Those that may stand beside the names of fields. */
const LOGICAL = ["$and", "$or", "$nor", "$not"];

/** A filter as a test of a value. */
export function filter(given: Value): Test {
  if (!isObject(given)) return equals(given);
  const members = Object.entries(given) as [string, Value][];
  const isOperator = (name: string) => name.startsWith("$");
  const field = members.find(([name]) => !isOperator(name));
  const operator = members.find(([name]) => isOperator(name) && !LOGICAL.includes(name));
  if (field !== undefined && operator !== undefined) throw badRequest(`${operator[0]} beside the field ${field[0]}`);
  return all(members.map(([name, operand]) => (isOperator(name) ? operation : member)(name, operand)));
}

function operation(name: string, given: Value): Test {
  const operator = own(OPERATORS, name);
  if (operator === undefined) throw badRequest(`the filter has an unknown operator ${name}`);
  return operator(given);
}

/** The test of a field, whose name may have dots. */
function member(name: string, given: Value): Test {
  const test = filter(given);
  const parts = name.split(".");
  if (parts.length > MAX_PARTS) throw badRequest(`the name of a field has at most ${MAX_PARTS} parts`);
  return (value) => test(named(value, parts));
}

/** Returns the value that a name leads to: an object is entered by the longest beginning that is a key. */
function named(value: Value | undefined, parts: readonly string[]): Value | undefined {
  let found = value;
  for (let first = 0; first < parts.length; ) {
    const object = found;
    let end = isObject(object) ? parts.length : first + 1;
    const key = () => parts.slice(first, end).join(".");
    while (isObject(object) && end > first + 1 && own(object, key()) === undefined) end -= 1;
    found = childOf(object, key());
    first = end;
  }
  return found;
}

function childOf(value: Value | undefined, key: string): Value | undefined {
  if (!Array.isArray(value)) return isObject(value) ? own(value, key) : undefined;
  const position = arrayPosition(value, key);
  return position === undefined ? undefined : value[position];
}

const not = (test: Test): Test => (value) => !test(value);
const all = (tests: readonly Test[]): Test => (value) => tests.every((test) => test(value));
const any = (tests: readonly Test[]): Test => (value) => tests.some((test) => test(value));
const has = (array: readonly Value[], wanted: Value) => array.some((item) => deepEqual(item, wanted));

function list(operator: string, given: Value): readonly Value[] {
  if (!Array.isArray(given)) throw badRequest(`the value of ${operator} is an array`);
  return given;
}

function equals(given: Value): Test {
  return (value) =>
    value === undefined ? given === null : deepEqual(value, given) || (Array.isArray(value) && has(value, given));
}

function ordered(given: Value, holds: (order: number) => boolean): Test {
  const time = typeof given === "string" ? instant(given) : undefined;
  const test: Test = (value) => {
    const other = time !== undefined && typeof value === "string" ? instant(value) : undefined;
    return time !== undefined && other !== undefined ? holds(compareInstants(other, time)) : compared(value, given, holds);
  };
  return (value) => (Array.isArray(value) ? value.some(test) : test(value));
}

/** Numbers and numbers, or texts and texts by code points; nothing else is ordered. */
export function compared(a: Value | undefined, b: Value, holds: (order: number) => boolean): boolean {
  if (typeof a === "number" && typeof b === "number") return holds(a - b);
  return typeof a === "string" && typeof b === "string" && holds(compareValues(a, b));
}

function contains(value: Value | undefined, wanted: Value): boolean {
  if (typeof value === "string") return typeof wanted === "string" && value.includes(wanted);
  if (Array.isArray(value)) {
    return Array.isArray(wanted) ? wanted.every((one) => has(value, one)) : has(value, wanted);
  }
  if (!isObject(value) || !isObject(wanted)) return false;
  return Object.entries(wanted).every(([key, one]) => {
    const inside = own(value, key);
    return one !== undefined && inside !== undefined && (contains(inside, one) || deepEqual(inside, one));
  });
}

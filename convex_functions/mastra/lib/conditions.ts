// Conditions on rows: one form for scans, guards and range operations.

import type { Value } from "convex/values";
import { badRequest } from "./errors";
import { compared, filter, type Test } from "./filters";
import type { OpenRow } from "./open_row";
import { checkReadable } from "./paths";
import type { Condition } from "./protocol";
import type { Table } from "./tables";
import { deepEqual, isObject, own, parsed } from "./values";

/** Returns a function that tells whether a row satisfies all conditions. A malformed one is reported at once. */
export function predicate(table: Table, where: readonly Condition[] | null | undefined): (row: OpenRow) => boolean {
  const tests = (where ?? []).map(({ path, operator, value }) => {
    checkReadable(table, path);
    const test = testOf(operator, givenValue(value));
    return (row: OpenRow) => test(row.get(path));
  });
  return (row) => tests.every((test) => test(row));
}

/** Parses a value that the client sent as JSON text. */
export function givenValue(text: string): Value {
  const value = parsed(text);
  if (value === undefined) throw badRequest("a value is not JSON text");
  return value;
}

function testOf(operator: Condition["operator"], given: Value): Test {
  switch (operator) {
    case "eq":
      return (value) => value !== undefined && deepEqual(value, given);
    case "ne":
      return (value) => value === undefined || !deepEqual(value, given);
    case "lt":
      return (value) => compared(value, given, (order) => order < 0);
    case "lte":
      return (value) => compared(value, given, (order) => order <= 0);
    case "gt":
      return (value) => compared(value, given, (order) => order > 0);
    case "gte":
      return (value) => compared(value, given, (order) => order >= 0);
    case "in":
      if (!Array.isArray(given)) throw badRequest("the value of `in` is an array");
      return (value) => value !== undefined && given.some((one) => deepEqual(value, one));
    case "lacks":
      if (!isObject(given)) throw badRequest("the value of `lacks` is an object");
      return (value) => !hasElement(value, given);
    case "exists":
      if (typeof given !== "boolean") throw badRequest("the value of `exists` is true or false");
      return (value) => (value !== undefined) === given;
    case "match": {
      const test = filter(given);
      return (value) => test(value === undefined ? {} : value);
    }
  }
}

/** Tells whether a value is an array with an object that has all these members. */
function hasElement(value: Value | undefined, members: Record<string, Value | undefined>): boolean {
  const hasAll = (element: Value) =>
    isObject(element) &&
    Object.entries(members).every(([name, member]) => {
      const found = own(element, name);
      return found !== undefined && member !== undefined && deepEqual(found, member);
    });
  return Array.isArray(value) && value.some(hasAll);
}

// Convex values as JSON text: arguments in, results out.

import { convexToJson, jsonToConvex, type Value } from "convex/values";

export type Format = "json" | "convex_encoded_json";
const FORMATS: Record<string, Format> = {
  json: "json",
  convex_clean_json: "json",
  convex_encoded_json: "convex_encoded_json",
  convex_json: "convex_encoded_json",
};

export const parseFormat = (format: unknown): Format | undefined =>
  format === undefined || format === null ? "json" : Object.hasOwn(FORMATS, String(format)) ? FORMATS[String(format)] : undefined;

/** Convex cannot even read such arguments, and says so in words of its own. */
export class UnreadableArguments extends Error {
  override message = "Invalid arguments provided";
}

/** JSON.parse accepts unpaired surrogates, and makes numbers beyond double range infinite. */
function checkReadable(json: unknown): void {
  if (typeof json === "string" ? !json.isWellFormed() : typeof json === "number" && !Number.isFinite(json)) {
    throw new UnreadableArguments();
  }
  if (typeof json !== "object" || json === null) return;
  if (!Array.isArray(json)) Object.keys(json).forEach(checkReadable);
  Object.values(json).forEach(checkReadable);
}

/** An object, or the JavaScript client's list of one object. */
export function decodeArgs(json: unknown): Record<string, Value> {
  checkReadable(json);
  const list = Array.isArray(json) ? json : [json];
  if (list.length > 1) throw new Error(`Invalid arguments: expected one object but got ${list.length} arguments`);
  const args = jsonToConvex(list[0] ?? {});
  if (typeof args !== "object" || args === null || Array.isArray(args) || args instanceof ArrayBuffer) {
    throw new Error("Invalid arguments: expected an object");
  }
  return args as Record<string, Value>;
}

/** Numbers are printed as floats, as Convex does: `17.0`. */
function encodeNumber(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const isSpecial = (value: number) => !Number.isFinite(value) || Object.is(value, -0);

export function encodeValue(value: Value | undefined, format: Format): string {
  const clean = format === "json";
  if (value === undefined || value === null) return "null";
  if (typeof value === "bigint") return JSON.stringify(clean ? value.toString() : convexToJson(value));
  if (typeof value === "number") {
    if (!isSpecial(value) || (clean && value === 0)) return encodeNumber(value);
    return JSON.stringify(clean ? String(value) : convexToJson(value));
  }
  if (value instanceof ArrayBuffer) {
    return JSON.stringify(clean ? Buffer.from(value).toString("base64") : convexToJson(value));
  }
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => encodeValue(item, format)).join(",")}]`;
  const fields = Object.entries(value).filter(([, item]) => item !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${encodeValue(item, format)}`).join(",")}}`;
}

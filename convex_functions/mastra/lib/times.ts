// Times as text.

const ISO_TIME =
  /^((?!0000)\d{4}-\d\d-\d\d)(T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Whole seconds, and the digits behind. */
export type Instant = readonly [seconds: number, digits: string];

/** Returns the time that ISO text with a zone tells, undefined for other text. */
export function instant(text: string): Instant | undefined {
  const [, day, clock, digits = "", zone] = ISO_TIME.exec(text) ?? [];
  const midnight = day === undefined ? NaN : Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(`${day}T`)) return undefined; // no such day
  return [Date.parse(`${day}${clock}${zone}`) / 1000, digits.replace(/0+$/, "")];
}

/** Tells which of two times is the later: a number above 0 for the first. */
export function compareInstants(a: Instant, b: Instant): number {
  return a[0] - b[0] || Number(a[1] > b[1]) - Number(a[1] < b[1]);
}

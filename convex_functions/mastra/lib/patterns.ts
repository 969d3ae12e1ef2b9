// Patterns of `$regex`: the syntax that Python and JavaScript read alike. It is read here and written as a JavaScript
// expression with the meaning that the protocol gives it, which differs from JavaScript's own: classes and letters of
// either case are those of ASCII, and only \n ends a line.

import { badRequest } from "./errors";

const MAX_PATTERN = 1_000;
const MAX_COUNT = 1_000;

/** What an escape stands for, outside of a class. */
const ESCAPES: { readonly [letter: string]: string } = {
  d: "[0-9]",
  D: "[^0-9]",
  w: "[A-Za-z0-9_]",
  W: "[^A-Za-z0-9_]",
  s: "[\\t-\\r ]",
  S: "[^\\t-\\r ]",
};
/** The same inside of a class, which cannot have another class in it. */
const CLASS_ESCAPES: { readonly [letter: string]: string } = {
  d: "0-9",
  D: "\\0-/:-\\u{10ffff}",
  w: "A-Za-z0-9_",
  W: "\\0-/:-@\\[-\\^`\\{-\\u{10ffff}",
  s: "\\t-\\r ",
  S: "\\0-\\x08\\x0e-\\x1f!-\\u{10ffff}",
};
const CONTROLS: { readonly [letter: string]: number } = { t: 9, n: 10, r: 13 };
const LETTERS = [
  [0x41, 0x5a],
  [0x61, 0x7a],
] as const;
const CASE_BIT = 0x20;

/** Tells whether the pattern is found in a text. `options` are letters of `ims`. */
export function pattern(text: string, options: string): (value: string) => boolean {
  if (!/^[ims]*$/.test(options)) throw badRequest("$options are letters of ims");
  const points = [...text];
  if (points.length > MAX_PATTERN) throw badRequest(`a pattern of more than ${MAX_PATTERN} characters`);
  const expression = new RegExp(new PatternReader(points, options).read(), "u");
  return (value) => expression.test(value);
}

class PatternReader {
  private at = 0;

  constructor(
    private readonly points: readonly string[],
    private readonly options: string,
  ) {}

  read(): string {
    const source = this.alternatives();
    if (this.at < this.points.length) throw refused("a parenthesis that closes nothing");
    return source;
  }

  private get next(): string | undefined {
    return this.points[this.at];
  }

  private take(wanted: string): boolean {
    if (this.next !== wanted) return false;
    this.at += 1;
    return true;
  }

  private alternatives(): string {
    let source = "";
    while (this.next !== undefined && this.next !== ")") source += this.take("|") ? "|" : this.quantified();
    return source;
  }

  private quantified(): string {
    const anchor = this.anchor();
    const source = anchor ?? this.atom();
    const quantifier = this.quantifier();
    if (quantifier !== "" && anchor !== undefined) throw refused("a quantifier after what has no width");
    if (quantifier !== "" && this.quantifier() !== "") throw refused("two quantifiers");
    return source + quantifier;
  }

  private anchor(): string | undefined {
    const byLine = this.options.includes("m");
    if (this.take("^")) return byLine ? "(?<![^\\n])" : "^";
    if (this.take("$")) return byLine ? "(?![^\\n])" : "$";
    const letter = this.next === "\\" ? this.points[this.at + 1] : undefined;
    if (letter !== "b" && letter !== "B") return undefined;
    this.at += 2;
    return `\\${letter}`;
  }

  private atom(): string {
    if (this.take("(")) return this.group();
    if (this.take("[")) return this.characters();
    if (this.take(".")) return this.options.includes("s") ? "[^]" : "[^\\n]";
    if (this.take("\\")) {
      const escape = ESCAPES[this.next ?? ""];
      if (escape === undefined) return this.literal(this.escaped());
      this.at += 1;
      return escape;
    }
    const point = this.next ?? "";
    if ("*+?{}])".includes(point)) throw refused(`${point} in this place`);
    this.at += 1;
    return this.literal(point.codePointAt(0)!);
  }

  private group(): string {
    if (this.take("?") && !this.take(":")) throw refused("a group that begins with (? and not with (?:");
    const inside = this.alternatives();
    if (!this.take(")")) throw refused("a parenthesis that is not closed");
    return `(?:${inside})`;
  }

  private literal(code: number): string {
    const ranges = this.inEitherCase(code, code);
    return ranges.length === 1 ? one(code) : `[${ranges.map(span).join("")}]`;
  }

  /** The character that an escape stands for, having read the backslash. */
  private escaped(): number {
    const letter = this.next ?? "";
    this.at += 1;
    const code = CONTROLS[letter] ?? (/^[ -/:-@[-`{-~]$/.test(letter) ? letter.codePointAt(0) : undefined);
    if (code === undefined) throw refused(`the escape \\${letter}`);
    return code;
  }

  /** A class, having read its first bracket. */
  private characters(): string {
    const negated = this.take("^");
    if (this.next === "]") throw refused("an empty class");
    let inside = "";
    while (!this.take("]")) {
      const first = this.member();
      const ranges = this.next === "-" && this.points[this.at + 1] !== "]";
      if (!ranges) {
        inside += typeof first === "string" ? first : this.inEitherCase(first, first).map(span).join("");
        continue;
      }
      this.at += 1;
      const last = this.member();
      if (typeof first === "string" || typeof last === "string" || last < first) throw refused("such a range");
      inside += this.inEitherCase(first, last).map(span).join("");
    }
    return `[${negated ? "^" : ""}${inside}]`;
  }

  /** The code of a character, or the members of an escape. */
  private member(): number | string {
    const point = this.next;
    if (point === undefined) throw refused("a class that is not closed");
    if (point === "[") throw refused("[ in a class without \\ before it");
    this.at += 1;
    if (point !== "\\") return point.codePointAt(0)!;
    const escape = CLASS_ESCAPES[this.next ?? ""];
    if (escape === undefined) return this.escaped();
    this.at += 1;
    return escape;
  }

  /** The range, and with the option `i` the ASCII letters in it in their other case. */
  private inEitherCase(first: number, last: number): [number, number][] {
    const ranges: [number, number][] = [[first, last]];
    if (!this.options.includes("i")) return ranges;
    for (const [a, z] of LETTERS) {
      const [low, high] = [Math.max(first, a), Math.min(last, z)];
      if (low <= high) ranges.push([low ^ CASE_BIT, high ^ CASE_BIT]);
    }
    return ranges;
  }

  private quantifier(): string {
    let source = ["*", "+", "?"].find((sign) => this.take(sign)) ?? "";
    if (source === "" && this.next === "{") source = this.counted();
    if (source !== "" && this.take("?")) source += "?";
    return source;
  }

  private counted(): string {
    const end = this.points.indexOf("}", this.at);
    const source = this.points.slice(this.at, end + 1).join("");
    const [, least, most] = /^\{([0-9]{1,4})(?:,([0-9]{1,4})?)?\}$/.exec(source) ?? [];
    if (least === undefined) throw refused("{ in this place");
    const last = Number(most ?? least);
    if (last < Number(least) || last > MAX_COUNT) throw refused(`the count ${source}`);
    this.at = end + 1;
    return source;
  }
}

const one = (code: number) => `\\u{${code.toString(16)}}`;
const span = ([first, last]: [number, number]) => (first === last ? one(first) : `${one(first)}-${one(last)}`);
const refused = (what: string) => badRequest(`a pattern with ${what}; see $regex in the protocol for what is allowed`);

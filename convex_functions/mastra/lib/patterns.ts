// Programs of patterns, into which the client translates `$regex`, and the search with them. A search walks over the
// text once, with the set of all steps that a match may have come to. It remembers which set a character leads to, so
// that nearly every character costs one look-up, whatever the pattern.

import type { Value } from "convex/values";
import { badRequest } from "./errors";
import { isObject } from "./values";

/** Steps of a program. */
const MAX_STEPS = 2_500;
/** One more than the last code point. */
const END_OF_CODES = 0x110000;
/** How many characters and steps of sets a search remembers before it starts anew; some megabytes. */
const REMEMBERED = 50_000;

const WORD = "word";
const OTHER = "other";
const LINE_ENDS = ["", "\n"];
/** Whether each assertion holds between two kinds of characters. */
const ASSERTIONS = new Map<string, (before: string, after: string) => boolean>([
  ["start", (before) => before === ""],
  ["end", (_, after) => after === ""],
  ["line start", (before) => LINE_ENDS.includes(before)],
  ["line end", (_, after) => LINE_ENDS.includes(after)],
  ["boundary", (before, after) => (before === WORD) !== (after === WORD)],
  ["no boundary", (before, after) => (before === WORD) === (after === WORD)],
]);

type Step = readonly [test: number | string | null, ...targets: number[]];
type Program = { readonly sets: readonly (readonly number[])[]; readonly steps: readonly Step[] };

/** Tells whether a program finds a match in a text. Refuses what is no program. */
export function compileProgram(given: Value): (text: string) => boolean {
  const program = checkedProgram(given);
  if (typeof program === "string") return (text) => text.includes(program);
  const search = new Search(program);
  return (text) => search.finds(text);
}

/** The program, or the text that it looks for. */
function checkedProgram(given: Value): Program | string {
  if (typeof given === "string") throw badRequest("$regex takes a program: the client translates patterns");
  if (isObject(given)) {
    const { text, sets, steps } = given;
    const members = Object.keys(given).length;
    if (typeof text === "string" && members === 1) return text;
    const isProgram =
      Array.isArray(sets) &&
      Array.isArray(steps) &&
      members === 2 &&
      steps.length <= MAX_STEPS &&
      sets.every(isSet) &&
      steps.every((step) => isStep(step, sets.length, steps.length));
    if (isProgram) return { sets, steps } as unknown as Program;
  }
  throw badRequest("this is no program of a pattern");
}

/** Whether these are code points in ascending order. */
function isSet(points: Value): boolean {
  return (
    Array.isArray(points) &&
    points.every((point, n) => isBelow(point, END_OF_CODES + 1) && (n === 0 || Number(points[n - 1]) < Number(point)))
  );
}

function isStep(step: Value, sets: number, steps: number): boolean {
  if (!Array.isArray(step) || step.length < 2 || step.length > 3) return false;
  const [test = null, ...targets] = step;
  const known = test === null || (typeof test === "string" && ASSERTIONS.has(test)) || isBelow(test, sets);
  return known && targets.every((target) => isBelow(target, steps + 1));
}

function isBelow(number: Value, limit: number): boolean {
  return typeof number === "number" && Number.isInteger(number) && 0 <= number && number < limit;
}

/** The steps to go on from after a character of some kind; as a map, the states that characters lead to. */
class State extends Map<string, State> {
  constructor(
    readonly steps: readonly number[],
    readonly before: string,
  ) {
    super();
  }
}

class Search {
  private readonly sets: Program["sets"];
  private readonly steps: readonly (Step | readonly [null])[];
  private readonly match: number;
  private readonly found = new State([], "");
  private readonly states = new Map<string, State>();
  private room = REMEMBERED;

  constructor({ sets, steps }: Program) {
    this.sets = sets;
    this.steps = [...steps, [null]];
    this.match = steps.length;
  }

  finds(text: string): boolean {
    let state = this.state([0], "");
    for (const character of text) {
      state = state.get(character) ?? this.following(state, character);
      if (state === this.found) return true;
    }
    return (state.get("") ?? this.following(state, "")) === this.found;
  }

  /** The state that a character leads to from another, `""` being the end of the text. */
  private following(state: State, character: string): State {
    const after = kind(character);
    const holding = this.holding(state.before, after, character);
    const reached = new Set(state.steps); // grows while it is walked over
    const beyond = new Set([0]); // a match may begin anywhere
    for (const step of reached) {
      const [test, ...targets] = this.steps[step]!;
      if (!holding.has(test)) continue;
      for (const target of targets) (typeof test === "number" ? beyond : reached).add(target);
    }
    this.room -= 1;
    const steps = [...beyond].sort((a, b) => a - b);
    const next = reached.has(this.match) ? this.found : this.state(steps, after);
    state.set(character, next);
    return next;
  }

  private state(steps: readonly number[], before: string): State {
    if (this.room <= 0) {
      this.states.clear();
      this.room = REMEMBERED;
    }
    const name = `${before} ${steps.join()}`;
    let state = this.states.get(name);
    if (state === undefined) {
      this.room -= steps.length;
      state = new State(steps, before);
      this.states.set(name, state);
    }
    return state;
  }

  /** The tests that hold at a character: of no condition, of assertions, of the sets that have it. */
  private holding(before: string, after: string, character: string): Set<Step[0]> {
    const code = character.codePointAt(0) ?? -1;
    const holding = new Set<Step[0]>([null]);
    for (const [name, holds] of ASSERTIONS) if (holds(before, after)) holding.add(name);
    this.sets.forEach((points, n) => {
      if (points.filter((point) => point <= code).length % 2 === 1) holding.add(n);
    });
    return holding;
  }
}

/** What assertions know of a character: that it is the edge of the text, a newline, part of a word, or another. */
function kind(character: string): string {
  if (LINE_ENDS.includes(character)) return character;
  return /^[A-Za-z0-9_]$/.test(character) ? WORD : OTHER;
}

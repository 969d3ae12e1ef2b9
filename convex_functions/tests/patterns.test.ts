import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexError } from "convex/values";
import { compileProgram } from "../mastra/lib/patterns";

test("the text of a pattern is refused, as the client translates patterns", () => {
  assert.throws(
    () => compileProgram("^a"),
    (error) =>
      error instanceof ConvexError && error.data.code === "BadRequest" && /translates/.test(error.data.message),
  );
});

test("a search that has seen too many characters to remember starts anew", () => {
  const letters = Array.from({ length: 0xf000 }, (_, n) => String.fromCodePoint(0x20000 + n)).join("");
  const finds = compileProgram({
    sets: [
      [0x20000, 0x2f001],
      [10, 11],
    ],
    steps: [
      [0, 1],
      [1, 2],
      [0, 3],
      [1, 4],
    ],
  });
  assert.equal(finds(`${letters}\n${letters}`), false);
  assert.equal(finds(`${letters}\n${letters[0]}${letters[1]}\n`), true);
});

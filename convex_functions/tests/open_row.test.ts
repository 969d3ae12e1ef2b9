import assert from "node:assert/strict";
import { test } from "node:test";
import { convexTest } from "convex-test";
import { defineSchema, makeFunctionReference } from "convex/server";
import type { Value } from "convex/values";
import { predicate } from "../mastra/lib/conditions";
import { changeOf } from "../mastra/lib/changes";
import { OpenRow } from "../mastra/lib/open_row";
import type { Condition, Edit } from "../mastra/lib/protocol";
import { tableNamed, type Doc } from "../mastra/lib/tables";
import { mastraTables } from "../mastra/schema";

const SNAPSHOTS = tableNamed("mastra_workflow_snapshots"); // `snapshot` is JSON text
const THREADS = tableNamed("mastra_threads"); // `metadata` is raw
const RESOURCES = tableNamed("mastra_resources"); // `workingMemory` is text

const doc = (columns: { [column: string]: Value }) => ({ _id: "1", _creationTime: 1, ...columns }) as unknown as Doc;
const edit = (path: string[], reducer: Edit["reducer"], value: unknown) =>
  ({ path, reducer, value: JSON.stringify(value) }) satisfies Edit;
const where = (path: string[], operator: Condition["operator"], value: unknown) =>
  ({ path, operator, value: JSON.stringify(value) }) satisfies Condition;

/** Runs something, and counts how often JSON is parsed that gives such a value, and such a value is printed. */
async function counted<T>(isCounted: (value: any) => boolean, run: () => T | Promise<T>) {
  const { parse, stringify } = JSON;
  const counts = { parses: 0, prints: 0 };
  const isWanted = (value: unknown) => typeof value === "object" && value !== null && isCounted(value);
  JSON.parse = (...args: Parameters<typeof parse>) => {
    const value = parse(...args);
    counts.parses += Number(isWanted(value));
    return value;
  };
  JSON.stringify = (...args: [any, any?, any?]) => {
    counts.prints += Number(isWanted(args[0]));
    return stringify(...args);
  };
  try {
    return { result: await run(), ...counts };
  } finally {
    Object.assign(JSON, { parse, stringify });
  }
}

/** The functions on convex-test, in this process. */
function deployed() {
  const modules = {
    "./_generated/api.js": async () => ({}),
    "./mastra/storage.js": () => import("../mastra/storage"),
  };
  const backend = convexTest({ schema: defineSchema(mastraTables), modules });
  const handle = makeFunctionReference<"mutation">("mastra/storage:handle");
  let commits = 0;
  return async (request: object) => {
    const args = { protocol: "mastra_convex/1", commit: { id: `commit-${commits++}`, ...request } };
    return (await backend.mutation(handle, args)).result;
  };
}

test("a commit parses a JSON column once and prints it once", async () => {
  const commit = deployed();
  const [table, key] = [SNAPSHOTS.name, ["flow", "run"]];
  const snapshot = { status: "suspended", context: { input: { text: "x".repeat(1000) } }, value: {} };
  const row = { workflow_name: "flow", run_id: "run", snapshot: JSON.stringify(snapshot) };
  await commit({ ops: [{ op: "put", table, rows: [{ ...row, createdAt: "2026", updatedAt: "2026" }] }] });

  const members = { status: "running", result: { ok: true }, suspendedPaths: {}, waitingPaths: {}, activePaths: [1] };
  const edits = [
    ...Object.entries(members).map(([name, value]) => edit(["snapshot", name], "set", value)),
    edit(["snapshot", "context", "step"], "slots", { status: "success", output: [1] }),
  ];
  const update = {
    guards: [
      { guard: "exists", table, key },
      {
        guard: "holds",
        table,
        key,
        where: [
          where(["snapshot", "context"], "exists", true),
          where(["snapshot", "context"], "match", { $contains: {} }),
        ],
      },
      { guard: "holds", table, key, where: [where(["snapshot", "status"], "in", ["suspended"])] },
    ],
    ops: [{ op: "patch", table, keys: [key], change: { set: { updatedAt: "2027" }, edits } }],
    returning: [{ table, keys: [key], paths: [["snapshot"], ["snapshot", "status"]] }],
  };
  const { result, parses, prints } = await counted((value) => "context" in value, () => commit(update));
  const context = { ...snapshot.context, step: { status: "success", output: [1] } };
  const [[whole, status]] = result.returned[0].values;
  assert.deepEqual([JSON.parse(whole), status], [{ ...snapshot, ...members, context }, '"running"']);
  assert.deepEqual({ parses, prints }, { parses: 1, prints: 1 });
});

test("escaped members are parsed once and printed once", async () => {
  const row = new OpenRow(THREADS, doc({ metadata: { plain: 1, __mastra_json: '{"$a":{"n":1},"é":2}' } }));
  const conditions = [
    where(["metadata", "$a", "n"], "eq", 1),
    where(["metadata", "é"], "eq", 2),
    where(["metadata"], "match", { plain: 1 }),
  ];
  const edits = [edit(["metadata", "$a", "n"], "add", 1), edit(["metadata", "é"], "set", 3)];
  const { result, parses, prints } = await counted(
    (value) => "$a" in value && !("plain" in value),
    () => {
      assert.ok(predicate(THREADS, conditions)(row));
      return changeOf(THREADS, { edits })(row);
    },
  );
  assert.deepEqual(result, { metadata: { plain: 1, __mastra_json: '{"$a":{"n":2},"é":3}' } });
  assert.deepEqual({ parses, prints }, { parses: 1, prints: 1 });
});

test("values that were read stay as they were", () => {
  const metadata = { list: [{ n: 1 }], other: {} };
  const row = new OpenRow(THREADS, doc({ metadata }));
  const [whole, list] = [row.get(["metadata"]), row.get(["metadata", "list"])];
  const edits = [edit(["metadata", "list", "0", "n"], "add", 1), edit(["metadata", "list"], "append", [2])];
  assert.deepEqual(changeOf(THREADS, { edits })(row), { metadata: { list: [{ n: 2 }, 2], other: {} } });
  assert.deepEqual([whole, list, metadata], [metadata, [{ n: 1 }], { list: [{ n: 1 }], other: {} }]);
});

test("a change of many rows shares no values between them", () => {
  const change = { set: { metadata: { n: 1 } }, edits: [edit(["metadata", "n"], "add", 1)] };
  const changed = changeOf(THREADS, change);
  const rows = [1, 2].map(() => changed(new OpenRow(THREADS, doc({ metadata: {} }))));
  assert.deepEqual(rows, [{ metadata: { n: 2 } }, { metadata: { n: 2 } }]);
});

test("an edit sees the column as the edits before it leave it", () => {
  const cases: [string, typeof THREADS, { [column: string]: Value }, Edit[], { [column: string]: Value }][] = [
    [
      "text that is edited inside, and then as text",
      RESOURCES,
      { workingMemory: '{"a":1}' },
      [edit(["workingMemory", "b"], "set", 2), edit(["workingMemory"], "max", '{"a":0}')],
      { workingMemory: '{"a":1,"b":2}' },
    ],
    [
      "text that becomes JSON text, and is edited inside",
      RESOURCES,
      { workingMemory: "plain" },
      [edit(["workingMemory"], "set", '"{\\"a\\":1}"'), edit(["workingMemory", "b"], "set", 2)],
      { workingMemory: '{"a":1,"b":2}' },
    ],
    [
      "a JSON column whose value becomes text",
      SNAPSHOTS,
      { snapshot: '{"a":1}' },
      [edit(["snapshot"], "set", '{"b":1}'), edit(["snapshot", "b"], "add", 1)],
      { snapshot: '{"b":2}' },
    ],
    [
      "JSON text of JSON text",
      SNAPSHOTS,
      { snapshot: '"{\\"a\\":1}"' },
      [edit(["snapshot", "a"], "add", 1), edit(["snapshot"], "merge", { b: 2 })],
      { snapshot: '{"a":2,"b":2}' },
    ],
    [
      "a raw column with JSON text of an object",
      THREADS,
      { metadata: '{"$a":1}' },
      [edit(["metadata", "$a"], "add", 1), edit(["metadata", "b"], "set", { "é": 1 })],
      { metadata: { b: { __mastra_json: '{"é":1}' }, __mastra_json: '{"$a":2}' } },
    ],
  ];
  for (const [name, table, columns, edits, expected] of cases) {
    assert.deepEqual(changeOf(table, { edits })(new OpenRow(table, doc(columns))), expected, name);
  }
});

test("a row that is read again keeps only what is still stored", () => {
  const before = new OpenRow(SNAPSHOTS, doc({ snapshot: '{"a":1}', resourceId: "r" }));
  assert.equal(before.text(["snapshot", "a"]), "1");
  const same = new OpenRow(SNAPSHOTS, doc({ snapshot: '{"a":1}' }), before);
  assert.equal(same.get(["snapshot"]), before.get(["snapshot"])); // the same object
  const other = new OpenRow(SNAPSHOTS, doc({ snapshot: '{"a":2}' }), before);
  assert.equal(other.text(["snapshot", "a"]), "2");
});

// The side of @mastra/libsql, over a local file: it speaks as `worker.py`.
//
//   node libsql.mjs DIRECTORY

import { Console } from "node:console";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { LibSQLStore } from "@mastra/libsql";

globalThis.console = new Console(process.stderr); // stdout is for answers alone

const directory = process.argv[2];
const LOREM = "lorem ipsum dolor sit amet ".repeat(40);
const WORKFLOW = { workflowName: "report", runId: "run-1" };

// The messages and changes of data.py.
const message = (threadId, n) => ({
  id: `${threadId}-m${String(n).padStart(6, "0")}`,
  threadId,
  resourceId: "user-1",
  role: n % 2 ? "assistant" : "user",
  type: "v2",
  createdAt: new Date(Date.UTC(2026, 0, 1) + n * 1000),
  content: { format: 2, parts: [{ type: "text", text: `${n} ${LOREM}`.slice(0, 340) }] },
});
const messages = (threadId, first, count) => Array.from({ length: count }, (_, n) => message(threadId, first + n));
const changedMembers = (n) => ({
  status: "running",
  result: { pages: n, text: LOREM.slice(0, 200) },
  suspendedPaths: { [`step-${n % 247}`]: [n % 247] },
  waitingPaths: { [`step-${n % 7}`]: [n % 7] },
  resumeLabels: { approve: { stepId: `step-${n % 247}`, foreachIndex: n % 5 } },
  activePaths: [n % 247],
});

const opened = async (name, domain) => {
  const store = new LibSQLStore({ id: name, url: `file:${directory}/${name}.db` });
  await store.init();
  return store.getStore(domain);
};

const fill = async (memory, id, count) => {
  const now = new Date();
  const thread = { id, resourceId: "user-1", title: "A talk", metadata: {}, createdAt: now, updatedAt: now };
  await memory.saveThread({ thread });
  for (let first = 0; first < count; first += 1000) {
    await memory.saveMessages({ messages: messages(id, first, Math.min(1000, count - first)) });
  }
};

const saving = (memory, threadId, first, count) => {
  const given = messages(threadId, first, count);
  return () => memory.saveMessages({ messages: given });
};
const page = (memory, threadId, perPage, direction) => () =>
  memory.listMessages({ threadId, page: 0, perPage, orderBy: { field: "createdAt", direction } });

const eightWriters = (memory, n) => {
  const saves = Array.from({ length: 8 }, (_, w) =>
    Array.from({ length: 5 }, (_, k) => saving(memory, "many", 40 * n + 5 * w + k, 1)),
  );
  const write = async (calls) => {
    for (const call of calls) await call();
  };
  return () => Promise.all(saves.map(write));
};

// Each group of operations prepares a file of its own when the first of them is asked for.
const groups = {
  memory: async () => {
    const memory = await opened("memory", "memory");
    for (const id of ["one", "hundred", "big", "thread", "many"]) await fill(memory, id, id === "big" ? 2000 : 0);
    return {
      save_1: (n) => saving(memory, "one", n, 1),
      save_100: (n) => saving(memory, "hundred", 100 * n, 100),
      last_20_total: () => page(memory, "big", 20, "DESC"),
      all_2000: () => page(memory, "big", false, "ASC"),
      get_thread: () => () => memory.getThreadById({ threadId: "big" }),
      update_thread: (n) => () => memory.updateThread({ id: "thread", title: "A talk", metadata: { n } }),
      eight_writers: (n) => eightWriters(memory, n),
    };
  },
  pages: async () => {
    const memory = await opened("pages", "memory");
    await fill(memory, "short", 2000);
    await fill(memory, "long", 200_000);
    return {
      page_2000_total: () => page(memory, "short", 20, "ASC"),
      page_200000_total: () => page(memory, "long", 20, "ASC"),
    };
  },
  workflows: async () => {
    const workflows = await opened("workflows", "workflows");
    const snapshot = JSON.parse(readFileSync(`${directory}/snapshot.json`, "utf8"));
    await workflows.persistWorkflowSnapshot({ ...WORKFLOW, snapshot });
    return {
      workflow_update: (n) => {
        const opts = { ...changedMembers(n), expectedStatus: "running" };
        return () => workflows.updateWorkflowState({ ...WORKFLOW, opts });
      },
      workflow_load: () => () => workflows.loadWorkflowSnapshot(WORKFLOW),
    };
  },
};

const prepared = {};
const seconds = async ({ group, operation, first, times }) => {
  prepared[group] ??= groups[group] ? await groups[group]() : {};
  const make = prepared[group][operation];
  if (!make) return null;
  const calls = Array.from({ length: times }, (_, n) => make(first + n));
  const started = performance.now();
  for (const call of calls) await call();
  return (performance.now() - started) / 1000 / times;
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await seconds(JSON.parse(line)))}\n`);
}

// Runs the workloads of test_local.py on @mastra/libsql over a local file and times them in this process.
//
//   node libsql.mjs FILE      one JSON line {workload, round} on stdin, one line with seconds on stdout

import { createInterface } from "node:readline";
import { Console } from "node:console";
import { LibSQLStore } from "@mastra/libsql";

globalThis.console = new Console(process.stderr); // stdout is for answers alone

const LOREM = "lorem ipsum dolor sit amet ".repeat(40);
const message = (threadId, n) => ({
  id: `${threadId}-m${String(n).padStart(5, "0")}`,
  threadId,
  resourceId: "user-1",
  role: n % 2 ? "assistant" : "user",
  type: "v2",
  createdAt: new Date(Date.UTC(2026, 0, 1) + n * 1000),
  content: { format: 2, parts: [{ type: "text", text: `${n} ${LOREM}`.slice(0, 1000) }] },
});
const messages = (threadId, first, count) => Array.from({ length: count }, (_, n) => message(threadId, first + n));
const save = (threadId, first, count) => memory.saveMessages({ messages: messages(threadId, first, count) });
const thread = (id) => ({
  thread: { id, resourceId: "user-1", title: "A talk", metadata: {}, createdAt: new Date(), updatedAt: new Date() },
});

const store = new LibSQLStore({ id: "benchmark", url: `file:${process.argv[2]}` });
await store.init();
const memory = await store.getStore("memory");
for (const id of ["one", "hundred", "big", "meta", "many"]) await memory.saveThread(thread(id));
await save("big", 0, 2000);

const each = async (count, run) => {
  for (let n = 0; n < count; n++) await run(n);
};
const workloads = {
  save_1: (round) => each(20, (n) => save("one", round * 20 + n, 1)),
  save_100: (round) => save("hundred", round * 100, 100),
  last_20_of_2000: () =>
    each(20, () =>
      memory.listMessages({
        threadId: "big",
        perPage: 20,
        page: 0,
        orderBy: { field: "createdAt", direction: "DESC" },
      }),
    ),
  update_metadata: (round) => each(20, (n) => memory.updateThread({ id: "meta", title: "A talk", metadata: { n, round } })),
  eight_writers: (round) =>
    Promise.all(
      Array.from({ length: 8 }, (_, writer) => each(5, (n) => save("many", (round * 8 + writer) * 5 + n, 1))),
    ),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { workload, round } = JSON.parse(line);
  const started = performance.now();
  await workloads[workload](round);
  process.stdout.write(`${(performance.now() - started) / 1000}\n`);
}

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { after, before, beforeEach, test } from "node:test";

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const host = spawn(
  process.execPath,
  [local("host/run.mjs"), "--functions", local("fixtures/basic"), "--key", "k"],
  { stdio: ["pipe", "pipe", "inherit"] },
);
let url: string;

before(async () => {
  const [line] = await once(createInterface({ input: host.stdout }), "line");
  url = JSON.parse(line).url;
});
after(async () => {
  host.stdin.end();
  assert.deepEqual(await once(host, "exit"), [0, null]); // ends with its stdin
});
beforeEach(() => post("/__reset", {}));

const ADMIN = { authorization: "Convex k" };

async function post(path: string, body: unknown, headers: Record<string, string> = ADMIN) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url + path, {
    method: "POST",
    body: text,
    headers: { "content-type": "application/json", ...headers },
  });
  const answer = await response.text();
  return { status: response.status, text: answer, json: answer ? JSON.parse(answer) : undefined };
}
const call = (kind: string, name: string, args: unknown, headers?: Record<string, string>) =>
  post(`/api/${kind}`, { path: `nested/items:${name}`, args }, headers);
async function value(kind: string, name: string, args: unknown) {
  const { json } = await call(kind, name, args);
  assert.equal(json.status, "success", JSON.stringify(json));
  return json.value;
}
const get = async (path: string) => (await fetch(url + path)).json();
const nested = (levels: number) => {
  let result: unknown = 1;
  for (let i = 0; i < levels; i++) result = [result];
  return result;
};

test("numbers are printed as floats and keys sorted", async () => {
  const body = '{"path":"nested/items:echo","args":{"value":{"b":17,"a":[0,-0.0,1.5,1e21,1e-7],"c":"é"}}}';
  const { text } = await post("/api/query", body);
  assert.equal(text, '{"status":"success","value":{"a":[0.0,-0.0,1.5,1e+21,1e-7],"b":17.0,"c":"é"},"logLines":[]}');
});

test("encoded values survive in the encoded format only", async () => {
  const args = { value: [{ $integer: "AQAAAAAAAAA=" }, { $bytes: "AQI=" }, { $float: "AAAAAAAA+H8=" }] };
  const encoded = await post("/api/query", { path: "nested/items:echo", args, format: "convex_encoded_json" });
  assert.deepEqual(encoded.json.value, args.value);
  assert.deepEqual(await value("query", "echo", args), ["1", "AQI=", "NaN"]);
});

test("an internal function is hidden from the anonymous and runs for the admin", async () => {
  const hidden = await call("query", "echo", { value: 1 }, {});
  assert.equal(hidden.status, 200);
  assert.match(hidden.json.errorMessage, /^\[Request ID: \w+\] Server Error$/);
  assert.equal((await call("query", "open", {}, {})).json.value, "open to all");
  assert.equal(await value("query", "echo", { value: true }), true);
});

test("system errors", async () => {
  const good = { path: "nested/items:echo", args: { value: 1 } };
  const cases: [unknown, Record<string, string>, number, string][] = [
    [good, { authorization: "Convex wrong" }, 401, "BadAdminKey"],
    [good, { authorization: "Basic 123" }, 400, "InvalidAdminKey"],
    [good, { ...ADMIN, "convex-client": "nodash" }, 400, "InvalidClientVersion"],
    [good, { ...ADMIN, "content-type": "text/plain" }, 400, "BadJsonBody"],
    ["{", ADMIN, 400, "BadJsonBody"],
    ['{"path":"a:b","args":{"x":NaN}}', ADMIN, 400, "BadJsonBody"],
    [{ path: "a:b" }, ADMIN, 400, "BadJsonBody"],
    [" ".repeat((1 << 24) + 2001), ADMIN, 400, "BadJsonBody"],
    [{ ...good, path: "a b:c" }, ADMIN, 400, "BadConvexFunctionIdentifier"],
    [{ ...good, format: "xml" }, ADMIN, 400, "BadFormat"],
  ];
  for (const [body, headers, status, code] of cases) {
    const answer = await post("/api/query", body, headers);
    assert.deepEqual([answer.status, answer.json.code], [status, code]);
  }
  assert.equal((await fetch(`${url}/nowhere`)).status, 404);
});

test("errors are redacted, the data of a ConvexError is not", async () => {
  const [id] = await value("mutation", "add", { docs: [{ group: "a", rank: 1 }] });
  const { json } = await call("mutation", "setRank", { id, rank: 2, fail: true });
  assert.match(json.errorMessage, /^\[Request ID: \w+\] Server Error$/);
  assert.deepEqual(json.errorData, { code: "ordered", rank: 2 });
  assert.equal((await call("mutation", "echo", { value: 1 })).json.status, "error");
});

test("indexes follow writes, rollbacks and nested transactions", async () => {
  const group = (args = {}) => value("query", "group", { group: "a", ...args });
  const ids = await value("mutation", "add", { docs: [3, 1, 2].map((rank) => ({ group: "a", rank })) });
  await value("mutation", "add", { docs: [{ group: "a" }, { group: "b", rank: 9 }] });
  assert.deepEqual(await group(), [null, 1, 2, 3]);
  assert.deepEqual(await group({ above: 1, order: "desc" }), [3, 2]);
  assert.deepEqual(await group({ take: 2 }), [null, 1]);
  await value("mutation", "setRank", { id: ids[0], rank: 0 });
  await call("mutation", "setRank", { id: ids[1], rank: 50, fail: true });
  assert.deepEqual(await group(), [null, 0, 1, 2]);
  assert.deepEqual(await value("mutation", "attempt", { id: ids[2] }), [null, 0, 1, 100, 9]);
  assert.equal(await value("mutation", "clear", { group: "a", max: 3 }), 3);
  assert.deepEqual(await group(), [100]);
});

test("what convex-test does not refuse", async () => {
  const refused = async (kind: string, name: string, args: unknown) =>
    assert.equal((await call(kind, name, args)).json.status, "error");
  const add = (payload: unknown) => ({ docs: [{ group: "a", payload }] });
  await value("mutation", "add", add(nested(15)));
  await refused("mutation", "add", add(nested(16)));
  await value("query", "echo", { value: nested(63) });
  await refused("query", "echo", { value: nested(64) });
  await value("mutation", "add", add("x".repeat((1 << 20) - 200)));
  await refused("mutation", "add", add("x".repeat(1 << 20)));
  await refused("query", "echo", { value: Array(8193).fill(0) });
  await refused("query", "echo", { value: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`k${i}`, 0])) });
  for (const key of ["$x", "é", "\n", "k".repeat(1025)]) await refused("query", "echo", { value: { [key]: 1 } });
  await refused("mutation", "add", { docs: [{ group: "a", _secret: 1 }] });
  await refused("query", "echo", { value: "\ud800" });
  assert.equal((await call("action", "nearest", { vector: "\ud800" })).json.code, "InvalidArguments");
});

test("deletes cost an index range each, dropped rows are charged", async () => {
  const docs = Array.from({ length: 4200 }, (_, rank) => ({ group: "a", rank }));
  await post("/__load", { items: docs });
  assert.equal((await call("mutation", "clear", { group: "a" })).json.status, "error");
  assert.deepEqual(await get("/__tables"), { items: 4200, others: 0 });
  await post("/__reset?keep=data", {});
  assert.equal(await value("query", "filtered", { rank: 5 }), 1);
  assert.equal(await value("mutation", "clear", { group: "a", max: 2 }), 2);
  const { totals, calls } = (await get("/__stats")) as any;
  assert.deepEqual([calls[0].docsRead, calls[0].indexRanges], [4200, 1]);
  // three rows from the query, and one read and one range for each delete
  assert.deepEqual([calls[1].docsRead, calls[1].indexRanges, calls[1].docsDeleted], [5, 3, 2]);
  assert.equal(totals.success, 2);
});

test("faults: refused without running, or run without an answer", async () => {
  await post("/__fail", { every: 2 });
  const add = () => call("mutation", "add", { docs: [{ group: "a", rank: 1 }] });
  assert.equal((await add()).status, 200);
  const { status, json } = await add();
  assert.deepEqual([status, json.code], [503, "OptimisticConcurrencyControlFailure"]);
  await post("/__fail", { every: 1, mode: "drop" });
  await assert.rejects(add());
  await post("/__fail", { every: 0 });
  assert.equal(((await get("/__dump?table=items")) as unknown[]).length, 2);
});

test("the clock goes ahead until the next reset", async () => {
  const created = async () => {
    await call("mutation", "add", { docs: [{ group: "a", rank: 1 }] });
    return ((await get("/__dump?table=items")) as any[]).at(-1)._creationTime;
  };
  await post("/__clock", { milliseconds: 3_600_000 });
  assert.ok((await created()) >= Date.now() + 3_500_000);
  await post("/__reset", {});
  assert.ok((await created()) <= Date.now());
});

test("vector search has Convex's default, limit and tolerance", async () => {
  const docs = Array.from({ length: 20 }, (_, i) => ({ group: "a", vector: [1, i] }));
  await post("/__load", { items: [...docs, { group: "a" }, { group: "a", vector: [1] }] });
  const scores = await value("action", "nearest", { vector: [1, 0] });
  assert.equal(scores.length, 10);
  assert.equal(scores[0], 1);
  assert.equal((await call("action", "nearest", { vector: [1, 0], limit: 257 })).json.status, "error");
  assert.equal((await call("action", "nearest", { vector: [1, 0, 0] })).json.status, "error");
});

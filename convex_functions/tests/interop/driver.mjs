// Drives the stock ConvexStore and ConvexVector of @mastra/convex for tests in another language.
//
// One JSON object per line on stdin:
//   {store: {url, key, storageFunction?}, domain: "memory" | "workflows" | ... | "vector" | "cache", method, args: [...]}
//   {store, request: {op, tableName, ...}} for one storage operation, by the package's own client
// and one per line on stdout, in the same order:
//   {ok: true, result} or {ok: false, error: {name, message, code}}

import { Console } from 'node:console';
import { createInterface } from 'node:readline';
import { ConvexServerCache, ConvexStore, ConvexVector } from '@mastra/convex';

globalThis.console = new Console(process.stderr); // stdout is for answers alone

const DATES = new Set([
  'createdAt', 'updatedAt', 'startDate', 'endDate', 'startedAt', 'suspendedAt', 'completedAt', 'fromDate', 'toDate',
  'lastObservedAt', 'lastBufferedAtTime',
]);
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const revive = (key, value) => (DATES.has(key) && ISO.test(value) ? new Date(value) : value);

const stores = new Map();
function storeFor({ url, key, storageFunction }) {
  const id = JSON.stringify([url, key, storageFunction]);
  if (!stores.has(id)) {
    stores.set(id, new ConvexStore({ id: 'interop', deploymentUrl: url, adminAuthToken: key, storageFunction }));
  }
  return stores.get(id);
}

const vectorFor = ({ url, key, storageFunction }) =>
  new ConvexVector({ id: 'interop', deploymentUrl: url, adminAuthToken: key, storageFunction });

const cacheFor = ({ url, key }) => new ConvexServerCache({ deploymentUrl: url, adminAuthToken: key });

// The package does not export its client; a vector store has one.
const clientFor = (store) => vectorFor(store).client;

async function answer(line) {
  try {
    const { store, domain, method, args, request } = JSON.parse(line, revive);
    if (request !== undefined) return { ok: true, result: (await clientFor(store).callStorage(request)) ?? null };
    const outside = { vector: vectorFor, cache: cacheFor }[domain];
    const target = outside === undefined ? await storeFor(store).getStore(domain) : outside(store);
    const result = await target[method](...args);
    return { ok: true, result: result ?? null };
  } catch (error) {
    return { ok: false, error: { name: error.name, message: error.message, code: error.code ?? error.id ?? null } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim()) process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}

// Subscribes to a query with the stock client of npm, and prints each result as a line:
//
//   node watcher.mjs URL KEY PATH ARGS
//
// A line is {value} or {error}.

import { Console } from 'node:console';
import { ConvexClient } from 'convex/browser';
import { makeFunctionReference } from 'convex/server';
import { WebSocket } from 'ws';

globalThis.console = new Console(process.stderr); // stdout is for results alone

const [url, key, path, args] = process.argv.slice(2);
const client = new ConvexClient(url, { webSocketConstructor: WebSocket, skipConvexDeploymentUrlCheck: true });
client.setAdminAuth(key);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
client.onUpdate(
  makeFunctionReference(path),
  JSON.parse(args),
  (value) => print({ value }),
  (error) => print({ error: error.message }),
);

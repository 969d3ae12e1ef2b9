// Hosts a folder of Convex functions on convex-test and speaks Convex's HTTP API and sync protocol on 127.0.0.1:
//
//   node run.mjs --functions DIR [--port 0] [--key devkey] [--no-limits] [--no-redact]
//
// Prints one JSON line {"url"} when it is ready, and ends when stdin is closed, so that a killed
// test run leaves nothing behind. Function errors are redacted, as hosted production does.
//
// Not modelled: conflicts between mutations (they run one at a time; see /__fail in bench.ts),
// time limits, write-rate limits, concurrency limits, and scopes of admin keys.

import { Console } from "node:console";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { parseArgs } from "node:util";
import { handleFunction } from "./api";
import { Backend } from "./backend";
import { handleBench } from "./bench";
import { installCounters } from "./counters";
import { installDatabase } from "./database";
import { loadFunctions, type Kind } from "./modules";
import { syncEndpoint } from "./sync";

const { values: options } = parseArgs({
  options: {
    functions: { type: "string" },
    port: { type: "string", default: "0" },
    key: { type: "string", default: "devkey" },
    "no-limits": { type: "boolean", default: false },
    "no-redact": { type: "boolean", default: false },
  },
});
if (options.functions === undefined) {
  process.stderr.write("usage: run.mjs --functions DIR [--port N] [--key K] [--no-limits] [--no-redact]\n");
  process.exit(2);
}

globalThis.console = new Console(process.stderr); // stdout is for the ready line alone
const limits = !options["no-limits"];
const apiOptions = { key: options.key, limits, redact: !options["no-redact"] };
installCounters();
installDatabase(limits);
const backend = new Backend(await loadFunctions(path.resolve(options.functions), limits), limits);

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  const url = new URL(request.url!, "http://127.0.0.1");
  const kind = /^\/api\/(query|mutation|action)$/.exec(url.pathname)?.[1] as Kind | undefined;
  if (request.method === "GET" && url.pathname === "/version") {
    response.writeHead(200, { "content-type": "text/plain" }).end("convex-test");
    return;
  }
  const handled =
    kind !== undefined && request.method === "POST"
      ? handleFunction(backend, kind, apiOptions, request, response)
      : handleBench(backend, url, request, response);
  handled.catch((error: unknown) => {
    if (request.socket.destroyed) return; // the client has gone
    console.error(error);
    if (!response.headersSent) response.writeHead(500, { "content-type": "application/json" });
    response.end(JSON.stringify({ code: "InternalServerError", message: String(error) }));
  });
});

server.on("upgrade", syncEndpoint(backend, apiOptions));
server.listen(Number(options.port), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});

const stop = () => process.exit(0);
process.stdin.on("end", stop).on("close", stop).resume();
process.on("SIGINT", stop).on("SIGTERM", stop);

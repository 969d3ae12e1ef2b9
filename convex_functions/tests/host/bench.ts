// What tests ask of the host itself; Convex has no such routes.
//
//   GET  /__stats                        {totals, calls: [...]}
//   POST /__reset?keep=none|data|stats   forgets data, counters and faults, or keeps the named one
//   POST /__load   {table: [doc, ...]}   inserts test data: checked by the schema, but not counted,
//                                        and however many documents there are
//   GET  /__functions                    [{path, kind, isPublic}, ...], all that is deployed
//   GET  /__tables                       {table: number of documents}
//   GET  /__dump?table=NAME[&format=F]   the documents of a table, oldest first
//   POST /__fail   {every, code, status} every n-th mutation is refused with that system error
//                  {every, mode: "drop"} every n-th mutation commits, but its answer is lost
//                  {every: 0}            no more faults
//   POST /__clock  {milliseconds}        puts the clock forward, until data is forgotten

import type { IncomingMessage, ServerResponse } from "node:http";
import { jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { Backend } from "./backend";
import { advance, resetClock } from "./clock";
import { resetStats, stats } from "./counters";
import { setFaults } from "./faults";
import { readBody, send } from "./http";
import { encodeValue, parseFormat } from "./values";

export async function handleBench(
  backend: Backend,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = async () => JSON.parse((await readBody(request)).toString() || "{}");
  const reply = (json: unknown = { ok: true }) => send(response, 200, JSON.stringify(json));
  switch (`${request.method} ${url.pathname}`) {
    case "GET /__stats":
      return void reply(stats());
    case "POST /__reset": {
      const keep = url.searchParams.get("keep") ?? "none";
      if (keep !== "data") backend.clear();
      if (keep !== "stats") resetStats();
      if (keep === "none") setFaults({ every: 0 });
      if (keep !== "data") resetClock();
      return void reply();
    }
    case "POST /__load":
      await backend.load(jsonToConvex((await body()) as JSONValue) as Record<string, Record<string, Value>[]>);
      return void reply();
    case "GET /__functions":
      return void reply(backend.deployed());
    case "GET /__tables":
      return void reply(await backend.counts());
    case "GET /__dump": {
      const docs = await backend.dump(url.searchParams.get("table") ?? "");
      const format = parseFormat(url.searchParams.get("format")) ?? "json";
      return void send(response, 200, encodeValue(docs as Value[], format));
    }
    case "POST /__fail":
      setFaults(await body());
      return void reply();
    case "POST /__clock":
      advance((await body()).milliseconds);
      return void reply();
    default:
      response.writeHead(404).end();
  }
}

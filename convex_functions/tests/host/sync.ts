// Convex's sync protocol: live queries over a WebSocket. convex-test knows no subscriptions, so after
// each commit every query of a socket runs again, and what differs is sent.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { describeError, parsePath, type ApiOptions } from "./api";
import type { Backend } from "./backend";
import { currentCall, newCall, record } from "./counters";
import { decodeArgs, encodeValue } from "./values";

const PATH = /^\/api\/([^/]+\/)?sync$/;
const PING_AFTER = 15_000;
const REQUEST_ID = /\[Request ID: \w+\]/;

interface Version {
  querySet: number;
  identity: number;
  ts: string;
}

type Modification =
  | { type: "Add"; queryId: number; udfPath: string; args: unknown }
  | { type: "Remove"; queryId: number };

interface LiveQuery {
  path: string;
  args: unknown;
  /** The modification that was sent last. */
  told: string;
}

/** Ends the connection: for good with a FatalError, or with a close code after which clients come again. */
class ProtocolError extends Error {
  constructor(
    message: string,
    readonly isFatal = true,
  ) {
    super(message);
  }
}

function timestamp(nanoseconds: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(nanoseconds);
  return bytes.toString("base64");
}

/** One socket. A message that was heard takes effect with the next transition. */
class Session {
  private readonly queries = new Map<number, LiveQuery>();
  private heard: Record<string, unknown>[] = [];
  private told: Version = { querySet: 0, identity: 0, ts: timestamp(0n) };
  private version = { querySet: 0, identity: 0 };
  private ts = 0n;
  private isAdmin = false;
  private isDue = false;
  private isTelling = false;
  private readonly ping: NodeJS.Timeout;
  private readonly onCommit = () => this.wake();

  constructor(
    private readonly socket: WebSocket,
    private readonly backend: Backend,
    private readonly options: ApiOptions,
  ) {
    this.ping = setInterval(() => socket.send('{"type":"Ping"}'), PING_AFTER);
    backend.listeners.add(this.onCommit);
    socket.on("message", (data, isBinary) => this.guarded(() => this.hear(data, isBinary)));
    socket.on("error", () => this.end()).on("close", () => this.end());
  }

  private end(): void {
    clearInterval(this.ping);
    this.backend.listeners.delete(this.onCommit);
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (!error.isFatal) return this.socket.close(1011, "InternalServerError");
      this.socket.send(JSON.stringify({ type: "FatalError", error: error.message }));
      this.socket.close();
    }
  }

  private hear(data: Buffer, isBinary: boolean): void {
    if (isBinary) throw new ProtocolError("Unexpected binary message", false);
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(data.toString()) as Record<string, unknown>;
    } catch {
      throw new ProtocolError("WSMessageInvalidJson");
    }
    switch (message["type"]) {
      case "Connect":
        if (message["maxObservedTimestamp"]) {
          this.ts = Buffer.from(String(message["maxObservedTimestamp"]), "base64").readBigUInt64LE();
        }
        return;
      case "Event":
        return;
      case "Authenticate":
        if (message["baseVersion"] !== this.version.identity) throw new ProtocolError("BaseVersionMismatch");
        this.version.identity += 1;
        break;
      case "ModifyQuerySet":
        if (message["baseVersion"] !== this.version.querySet) throw new ProtocolError("BaseVersionMismatch");
        this.version.querySet = Number(message["newVersion"]);
        break;
      case "Mutation":
      case "Action":
        break;
      default:
        throw new ProtocolError("WSMessageInvalidJson");
    }
    this.heard.push(message);
    this.wake();
  }

  /** Has a transition follow: one at a time. */
  private wake(): void {
    this.isDue = true;
    if (!this.isTelling) void this.tell();
  }

  private async tell(): Promise<void> {
    this.isTelling = true;
    try {
      while (this.isDue) {
        this.isDue = false;
        await this.backend.snapshot(() => this.turn());
      }
    } finally {
      this.isTelling = false; // at once, so that no call of `wake` in between is lost
    }
  }

  private async turn(): Promise<void> {
    const version = { ...this.version };
    const modifications: string[] = [];
    for (const message of this.heard.splice(0)) {
      if (message["type"] === "Authenticate") {
        this.isAdmin = message["tokenType"] === "Admin" && message["value"] === this.options.key;
        if (!this.isAdmin && message["tokenType"] !== "None") return this.refuse(message);
      } else if (message["type"] === "ModifyQuerySet") {
        this.guarded(() => this.modify(message["modifications"] as Modification[], modifications));
      } else {
        const refusal = { requestId: message["requestId"], success: false, result: "not over a socket", logLines: [] };
        this.socket.send(JSON.stringify({ type: `${String(message["type"])}Response`, ...refusal }));
      }
    }
    for (const [id, query] of this.queries) {
      const result = await this.result(id, query);
      const comparable = result.replace(REQUEST_ID, "");
      if (comparable !== query.told && this.queries.has(id)) modifications.push(result);
      query.told = comparable;
    }
    const isHeard = version.querySet !== this.told.querySet || version.identity !== this.told.identity;
    if (modifications.length > 0 || isHeard) this.transition(version, modifications);
  }

  private modify(changes: Modification[], modifications: string[]): void {
    for (const change of changes) {
      const isKnown = this.queries.has(change.queryId);
      if ((change.type === "Add") === isKnown) throw new ProtocolError("query id", false);
      if (change.type === "Add") {
        this.queries.set(change.queryId, { path: change.udfPath, args: change.args, told: "" });
      } else {
        this.queries.delete(change.queryId);
        modifications.push(JSON.stringify({ type: "QueryRemoved", queryId: change.queryId }));
      }
    }
  }

  /** The modification that tells what a query gives. */
  private async result(id: number, query: LiveQuery): Promise<string> {
    const call = newCall("live");
    call.path = query.path;
    let body: string;
    try {
      const args = decodeArgs(query.args);
      const value = await currentCall.run(call, () => this.backend.run("query", parsePath(query.path), args, this.isAdmin));
      body = `"type":"QueryUpdated","value":${encodeValue(value, "convex_encoded_json")},"logLines":[]`;
      call.status = "success";
    } catch (error) {
      const answer = describeError(error, this.options.redact, "convex_encoded_json");
      body = `"type":"QueryFailed",${answer.slice('{"status":"error",'.length, -1)}`;
      call.status = "error";
    }
    call.responseBytes = Buffer.byteLength(body);
    record(call);
    return `{"queryId":${id},${body},"journal":null}`;
  }

  private transition(version: Omit<Version, "ts">, modifications: string[]): void {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.ts = now > this.ts ? now : this.ts + 1n;
    const startVersion = this.told;
    this.told = { ...version, ts: timestamp(this.ts) };
    const facts = { type: "Transition", startVersion, endVersion: this.told, clientClockSkew: 0, serverTs: Number(this.ts) };
    this.socket.send(`${JSON.stringify(facts).slice(0, -1)},"modifications":[${modifications.join(",")}]}`);
  }

  private refuse(message: Record<string, unknown>): void {
    const error = "The provided admin key was invalid for this instance";
    const answer = { type: "AuthError", error, baseVersion: message["baseVersion"], authUpdateAttempted: true };
    this.socket.send(JSON.stringify(answer));
    this.socket.close();
  }
}

/** Answers requests for an upgrade. */
export function syncEndpoint(backend: Backend, options: ApiOptions) {
  const server = new WebSocketServer({ noServer: true, maxPayload: 16 << 20, perMessageDeflate: true });
  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const client = request.headers["convex-client"];
    if (!PATH.test(new URL(request.url!, "http://127.0.0.1").pathname)) {
      socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    } else if (client !== undefined && !String(client).includes("-")) {
      const body = JSON.stringify({ code: "InvalidClientVersion", message: "Failed to parse client version string" });
      socket.end(`HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    } else {
      server.handleUpgrade(request, socket, head, (open) => new Session(open, backend, options));
    }
  };
}

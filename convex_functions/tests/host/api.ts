// Convex's HTTP API for functions: POST /api/query, /api/mutation and /api/action.

import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Value } from "convex/values";
import type { Backend, FunctionPath } from "./backend";
import { currentCall, newCall, record, type Call } from "./counters";
import { nextFault, type Fault } from "./faults";
import { readJson, send, SystemError } from "./http";
import type { Kind } from "./modules";
import { decodeArgs, encodeValue, parseFormat, UnreadableArguments, type Format } from "./values";

export interface ApiOptions {
  key: string;
  limits: boolean;
  redact: boolean;
}

function checkHeaders({ authorization, ...headers }: IncomingHttpHeaders): void {
  if (authorization !== undefined && authorization.length < 7) {
    throw new SystemError(400, "InvalidHeaderFailure", "The Authorization header is too short");
  }
  const client = headers["convex-client"];
  if (client !== undefined && !String(client).includes("-")) {
    throw new SystemError(400, "InvalidClientVersion", `Failed to parse client version string: '${client}'`);
  }
}

/** Whether the caller is the admin; without a header it is anonymous. */
function authenticate({ authorization }: IncomingHttpHeaders, key: string): boolean {
  if (authorization === undefined) return false;
  const [scheme, credentials] = authorization.split(/ (.*)/s);
  switch (scheme!.toLowerCase()) {
    case "convex":
      if (credentials === key) return true;
      throw new SystemError(401, "BadAdminKey", "The provided admin key was invalid for this instance");
    case "bearer":
      throw new SystemError(401, "NoAuthProvider", "No auth provider found matching the given token");
    default:
      throw new SystemError(400, "InvalidAdminKey", "Authorization is neither a bearer token nor an admin key");
  }
}

export function parsePath(path: string): FunctionPath {
  const match = /^((?:[\w.]+\/)*[\w.]+?)(?:\.js)?(?::([A-Za-z_]\w*))?$/.exec(path);
  if (match === null) throw new SystemError(400, "BadConvexFunctionIdentifier", `'${path}' is not a function path`);
  return { module: match[1]!, name: match[2] ?? "default" };
}

interface FunctionRequest {
  path: string;
  args: unknown;
  format?: unknown;
}

function parseRequest(json: unknown): FunctionRequest {
  const request = typeof json === "object" && json !== null ? (json as Partial<FunctionRequest>) : {};
  if (typeof request.path !== "string") throw new SystemError(400, "BadJsonBody", "missing field `path`");
  if (request.args === undefined) throw new SystemError(400, "BadJsonBody", "missing field `args`");
  return request as FunctionRequest;
}

export function describeError(error: unknown, redact: boolean, format: Format): string {
  const requestId = randomBytes(8).toString("hex");
  const text = error instanceof Error ? `Uncaught ${error.name}: ${error.message}` : String(error);
  const errorMessage = `[Request ID: ${requestId}] Server Error${redact ? "" : `\n${text}`}`;
  const data =
    typeof error === "object" && error !== null && Symbol.for("ConvexError") in error
      ? `"errorData":${encodeValue((error as { data?: Value }).data, format)},`
      : "";
  return `{"status":"error","errorMessage":${JSON.stringify(errorMessage)},${data}"logLines":[]}`;
}

/** Runs a function and answers with JSON text. */
async function answer(backend: Backend, kind: Kind, request: FunctionRequest, call: Call, options: ApiOptions, isAdmin: boolean) {
  const path = parsePath(request.path);
  const format = parseFormat(request.format);
  let json: string;
  try {
    const args = decodeArgs(request.args);
    const value = await currentCall.run(call, () => backend.run(kind, path, args, isAdmin));
    json = `{"status":"success","value":${encodeValue(value, format ?? "json")},"logLines":[]}`;
    call.status = "success";
  } catch (error) {
    if (error instanceof UnreadableArguments && kind === "action") {
      throw new SystemError(400, "InvalidArguments", error.message);
    }
    json = describeError(error, options.redact, format ?? "json");
    call.status = "error";
  }
  // Convex looks at the format when the function has run, and its writes are committed.
  if (format === undefined) throw new SystemError(400, "BadFormat", `Unknown format ${String(request.format)}`);
  return json;
}

export async function handleFunction(
  backend: Backend,
  kind: Kind,
  options: ApiOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = newCall(kind);
  const started = performance.now();
  let [status, json]: [number, string] = [200, ""];
  let fault: Fault | undefined;
  try {
    checkHeaders(request.headers);
    const [body, bytes] = await readJson(request, options.limits);
    call.requestBytes = bytes;
    const functionRequest = parseRequest(body);
    call.path = functionRequest.path;
    const isAdmin = authenticate(request.headers, options.key);
    fault = kind === "mutation" ? nextFault() : undefined;
    if (fault?.mode === "error") throw new SystemError(fault.status, fault.code, "This error was ordered by the test");
    json = await answer(backend, kind, functionRequest, call, options, isAdmin);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    status = error.status;
    json = JSON.stringify({ code: error.code, message: error.message });
  }
  if (fault?.mode === "drop") {
    call.status = "dropped";
    request.socket.destroy();
  } else {
    call.responseBytes = send(response, status, json);
  }
  call.ms = performance.now() - started;
  record(call);
}

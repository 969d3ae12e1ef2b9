// The bits of HTTP that the function API and the bench API share.

import type { IncomingMessage, ServerResponse } from "node:http";
import { MAX_BODY_BYTES } from "./limits";

/** An answer with another status than 200: the call did not reach a function. */
export class SystemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A body that is too long is read to its end all the same, so that the client hears the answer. */
export async function readBody(request: IncomingMessage, limit = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit) throw new SystemError(400, "BadJsonBody", "Failed to buffer the request body: length limit exceeded");
  return Buffer.concat(chunks);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export async function readJson(request: IncomingMessage, limits: boolean): Promise<[json: unknown, bytes: number]> {
  const body = await readBody(request, limits ? MAX_BODY_BYTES : Infinity);
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
    throw new SystemError(400, "BadJsonBody", "Expected request with `Content-Type: application/json`");
  }
  try {
    return [JSON.parse(decoder.decode(body)), body.length];
  } catch (error) {
    throw new SystemError(400, "BadJsonBody", `Failed to parse the request body as JSON: ${(error as Error).message}`);
  }
}

/** Sends JSON text, and tells its length in bytes. */
export function send(response: ServerResponse, status: number, json: string): number {
  const bytes = Buffer.from(json);
  response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length });
  response.end(bytes);
  return bytes.length;
}

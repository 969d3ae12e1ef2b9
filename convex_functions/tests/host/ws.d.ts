// What the host uses of `ws`, which brings no types.

declare module "ws" {
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  export class WebSocket {
    on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
    on(event: "close" | "error", listener: () => void): this;
    send(text: string): void;
    close(code?: number, reason?: string): void;
  }

  export class WebSocketServer {
    constructor(options: { noServer: true; maxPayload: number; perMessageDeflate: boolean });
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, done: (socket: WebSocket) => void): void;
  }
}

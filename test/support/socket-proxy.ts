import { rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";

/** A Unix socket that leads to another one, and can be cut. */
export interface SocketProxy {
  readonly path: string;
  /** Ends every connection; new ones are let through. */
  cut(): void;
  /** Ends every connection, and refuses new ones until `mend`. */
  block(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function socketProxy(path: string, target: string): Promise<SocketProxy> {
  const sockets = new Set<Socket>();
  let isBlocked = false;
  const server = createServer((client) => {
    if (isBlocked) {
      client.destroy();
      return;
    }
    const engine = connect(target);
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    path,
    cut,
    block() {
      isBlocked = true;
      cut();
    },
    mend() {
      isBlocked = false;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
      rmSync(path, { force: true });
    },
  };
}

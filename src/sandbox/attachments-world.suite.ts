import { createSocket } from "node:dgram";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { openNamespace } from "../linux/namespace.ts";
import type { Serve } from "./attachment.ts";
import { namespaceDialer, udpSocketInside } from "./namespace-dialer.ts";

/** Answers every datagram and connection with the sandbox that it was asked in; counts what it was given, and asked. */
export function echoServe(): Serve & { readonly opened: string[]; readonly asked: string[] } {
  const opened: string[] = [];
  const asked: string[] = [];
  return {
    opened,
    asked,
    udp(fd, _, whoAsks) {
      opened.push("udp");
      const socket = createSocket("udp4").bind({ fd, exclusive: true });
      socket.on("message", async (_, from) => {
        asked.push("udp");
        socket.send((await whoAsks()) ?? "nobody", from.port, from.address);
      });
      return {
        async close() {
          // What has just come to be answerable is answered.
          await new Promise((resolve) => setImmediate(resolve));
          await once(socket.close(), "close");
        },
        askerChanged() {},
      };
    },
    tcp(server, _, whoAsks) {
      opened.push("tcp");
      server.on("connection", async (socket) => socket.end((await whoAsks()) ?? "nobody"));
      return { close: async () => void (await once(server.close(), "close")) };
    },
  };
}

/** What a process in the namespace gets from 127.0.0.11:53, over UDP and over TCP. */
export async function ask(path: string): Promise<{ udp: string; tcp: string }> {
  const udp = await askUdp(path);
  const namespace = openNamespace(path);
  const tcp = namespaceDialer(namespace).tcp(4).connect({ host: "127.0.0.11", port: 53 });
  const answers = { udp, tcp: await text(tcp) };
  namespace.close();
  return answers;
}

export async function askUdp(path: string): Promise<string> {
  const namespace = openNamespace(path);
  const udp = udpSocketInside(namespace, 4);
  udp.connect(53, "127.0.0.11", () => udp.send("?"));
  const [answer]: unknown[] = await once(udp, "message");
  udp.close();
  namespace.close();
  return String(answer);
}

/** A clock that stands still; `tick` makes all that waits happen. */
export function handClock(): Clock & { tick(): void } {
  const waiting = new Set<() => void>();
  return {
    wall: () => Date.UTC(2026, 0, 1),
    now: () => 0,
    after(_, call) {
      waiting.add(call);
      return () => waiting.delete(call);
    },
    tick() {
      const due = [...waiting];
      waiting.clear();
      for (const call of due) call();
    },
  };
}

export function listedLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (_: object, line: string) => void lines.push(`${level} ${line}`);
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

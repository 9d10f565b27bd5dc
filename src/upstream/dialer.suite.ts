import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SocketAddress } from "../base/address.ts";
import type { Flow, FlowListener } from "../base/flow.ts";
import type { Dialer } from "./dialer.ts";

/** A dialer of one's own for each test; `idle` resolves when nothing that it opened is left. */
export interface DialerUnderTest {
  readonly dialer: Dialer;
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** What is heard, in order, and how to wait for it. */
function ears(): FlowListener & { readonly heard: string[]; count(atLeast: number): Promise<void> } {
  const heard: string[] = [];
  let changed = () => {};
  const put = (text: string) => {
    heard.push(text);
    changed();
  };
  return {
    heard,
    message: (octets) => put(Buffer.from(octets).toString()),
    failed: (error) => put((error as NodeJS.ErrnoException).code ?? error.message),
    async count(atLeast) {
      while (heard.length < atLeast)
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
    },
  };
}

/** What every dialer promises of its UDP flows. */
export function describeFlows(name: string, start: () => Promise<DialerUnderTest>): void {
  describe(`UDP flows of ${name}`, () => {
    let under: DialerUnderTest;
    let server: Socket;
    let at: SocketAddress;
    const clients: number[] = [];

    beforeEach(async () => {
      clients.length = 0;
      under = await start();
      server = createSocket("udp4").bind(0, "127.0.0.1");
      await once(server, "listening");
      at = { address: "127.0.0.1", port: server.address().port };
    });
    afterEach(async () => {
      server.close();
      await under.close();
    });

    /** Sends back what `answer` makes of each datagram, one after the other. */
    function answering(answer: (text: string) => readonly string[]): void {
      server.on("message", (octets, from) => {
        clients.push(from.port);
        for (const text of answer(octets.toString())) server.send(text, from.port, from.address);
      });
    }
    const say = (flow: Flow, text: string) => flow.send(Buffer.from(text));

    it("hear what the server answers", async () => {
      answering((text) => [`re: ${text}`]);
      const listener = ears();
      const flow = under.dialer.udp(at, listener);
      say(flow, "who?");
      await listener.count(1);
      expect(listener.heard).toEqual(["re: who?"]);
      flow.close();
      await under.idle();
    });

    it("hear everything, at once or later, until they are closed", async () => {
      answering((text) => (text === "both" ? ["one", "two"] : [text]));
      const listener = ears();
      const flow = under.dialer.udp(at, listener);
      say(flow, "both");
      await listener.count(2);
      say(flow, "three");
      await listener.count(3);
      expect(listener.heard).toEqual(["one", "two", "three"]);
      flow.close();
      await under.idle();
    });

    it("hear nothing after they were closed, not even what has come", async () => {
      answering(() => ["one", "two", "three"]);
      const heard: string[] = [];
      const done = new Promise<void>((resolve) => {
        const flow = under.dialer.udp(at, {
          message(octets) {
            heard.push(Buffer.from(octets).toString());
            flow.close();
            resolve();
          },
          failed: (error) => heard.push(error.message),
        });
        say(flow, "?");
      });
      await done;
      await under.idle();
      expect(heard).toEqual(["one"]);
    });

    it("hear nothing from another port", async () => {
      const other = createSocket("udp4").bind(0, "127.0.0.1");
      await once(other, "listening");
      server.on("message", (_, from) => {
        other.send("forged", from.port, from.address, () => server.send("true", from.port, from.address));
      });
      const listener = ears();
      const flow = under.dialer.udp(at, listener);
      say(flow, "?");
      await listener.count(1);
      expect(listener.heard).toEqual(["true"]);
      flow.close();
      other.close();
    });

    it("learn that nobody listens", async () => {
      const nobody = createSocket("udp4").bind(0, "127.0.0.1");
      await once(nobody, "listening");
      const { port } = nobody.address();
      await new Promise<void>((resolve) => void nobody.close(() => resolve()));
      const listener = ears();
      const flow = under.dialer.udp({ address: "127.0.0.1", port }, listener);
      say(flow, "?");
      await listener.count(1);
      expect(listener.heard).toEqual(["ECONNREFUSED"]);
      flow.close();
      await under.idle();
    });

    it("say that there is no way to a server", async () => {
      const listener = ears();
      try {
        // A multicast address of an interface that there is not.
        const flow = under.dialer.udp({ address: "ff02::1%none", port: 53 }, listener);
        say(flow, "?");
        await listener.count(1);
        flow.close();
      } catch (error) {
        listener.failed(error as Error);
      }
      expect(listener.heard).toHaveLength(1);
      await under.idle();
    });

    it("have each a port of its own, and don't mix what they hear", async () => {
      answering((text) => [text]);
      // As many as wait at a socket of the server's without any being lost.
      const many = 150;
      const asking = Array.from({ length: many }, (_, i) => {
        const listener = ears();
        const flow = under.dialer.udp(at, listener);
        say(flow, String(i));
        return listener.count(1).then(() => {
          flow.close();
          return listener.heard[0];
        });
      });
      expect(await Promise.all(asking)).toEqual(Array.from({ length: many }, (_, i) => String(i)));
      expect(new Set(clients).size).toBe(many);
      await under.idle();
    });

    it("leave nothing behind when they are closed before anything has come", async () => {
      for (let i = 0; i < 500; i++) {
        const flow = under.dialer.udp(at, ears());
        say(flow, "?");
        flow.close();
      }
      await under.idle();
    });
  });
}

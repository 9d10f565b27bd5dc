import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, Gauge, Registry as Prometheus } from "prom-client";
import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import { CodedError, messageOf } from "../base/errors.ts";

/** What is counted, in Prometheus' names. */
export interface Metrics {
  query(labels: QueryLabels, count?: number): void;
  /** The exposition, text format 0.0.4. */
  text(): Promise<string>;
}

export interface QueryLabels {
  readonly container: string;
  /** From a bounded set: clients choose the types. */
  readonly qtype: string;
  readonly rcode: string;
  readonly origin: string;
}

/** A number that is kept elsewhere and read at each scrape. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  readonly kind: "gauge" | "counter";
  read(): number;
}

/**
 * `living` names the containers that there are: a scrape must not grow with all that ever were. `refresh` is called
 * before each scrape, for what is counted elsewhere.
 */
export function createMetrics(
  readings: readonly Reading[],
  living: () => ReadonlySet<string>,
  refresh: () => void = () => {},
): Metrics {
  const register = new Prometheus();
  const registers = [register];
  const queries = new Counter({
    name: "eleven_queries_total",
    help: "Queries answered",
    labelNames: ["container", "qtype", "rcode", "origin"] as const,
    registers,
  });
  for (const { name, help, kind, read } of readings) {
    if (kind === "gauge") {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    } else {
      const collect = (): void => {
        counter.reset();
        counter.inc(read());
      };
      const counter: Counter = new Counter({ name, help, registers, collect });
    }
  }
  const ofContainer = new Map<string, Map<string, QueryLabels>>();
  return {
    query(labels, count = 1) {
      queries.inc({ ...labels }, count);
      const known = ofContainer.get(labels.container) ?? new Map<string, QueryLabels>();
      ofContainer.set(labels.container, known.set(Object.values(labels).join(" "), labels));
    },
    text() {
      refresh();
      const containers = living();
      for (const [container, counted] of ofContainer) {
        // The host's own queries are counted under no name.
        if (container === "" || containers.has(container)) continue;
        for (const labels of counted.values()) queries.remove({ ...labels });
        ofContainer.delete(container);
      }
      return register.metrics();
    },
  };
}

/** Serves `GET /metrics`. Throws a CodedError LISTEN. */
export async function serveMetrics(
  metrics: Metrics,
  address: SocketAddress,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") return void response.writeHead(404).end("see /metrics\n");
    metrics.text().then(
      (text) =>
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text),
      (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const message = `Cannot serve metrics on ${formatSocketAddress(address)}: ${cause.code ?? cause.message}`;
      reject(new CodedError("LISTEN", message, { remedy: "choose another address with `metrics:`", cause }));
    });
    server.listen(address.port, address.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

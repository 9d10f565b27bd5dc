import { createServer } from "node:http";
import { Counter, Gauge, Registry as Prometheus } from "prom-client";
import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import { CodedError, messageOf } from "../base/errors.ts";

/** What is counted, in Prometheus' names. */
export interface Metrics {
  query(labels: { container: string; qtype: string; rcode: string; origin: string }): void;
  /** The exposition, text format 0.0.4. */
  text(): Promise<string>;
}

/** `gauges` is called at each scrape: what is a state, and not an event, is read and not counted. */
export function createMetrics(gauges: () => { revision: number; attached: number; shed: number }): Metrics {
  const registers = [new Prometheus()];
  const queries = new Counter({
    name: "eleven_queries_total",
    help: "Queries answered",
    labelNames: ["container", "qtype", "rcode", "origin"] as const,
    registers,
  });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("eleven_registry_revision", "Revision of the registry", () => gauges().revision);
  gauge(
    "eleven_attached_containers",
    "Containers whose 127.0.0.11 is answered here",
    () => gauges().attached,
  );
  gauge("eleven_forward_shed", "Queries not forwarded because too many were in flight", () => gauges().shed);
  return {
    query: (labels) => queries.inc(labels),
    text: () => (registers[0] as Prometheus).metrics(),
  };
}

/** Serves `GET /metrics`. Throws a CodedError LISTEN. */
export async function serveMetrics(
  metrics: Metrics,
  address: SocketAddress,
): Promise<{ close(): Promise<void> }> {
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

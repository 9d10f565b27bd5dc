import { expect, test } from "vitest";
import { createMetrics, serveMetrics } from "./metrics.ts";

const labels = { container: "web", qtype: "A", rcode: "NOERROR", origin: "registry" };

test("metrics count queries, and read what is kept elsewhere at each scrape", async () => {
  let value = 1;
  const metrics = createMetrics(
    [
      { name: "eleven_gauge", help: "A state", kind: "gauge", read: () => value },
      { name: "eleven_events_total", help: "Events", kind: "counter", read: () => value },
    ],
    () => new Set(["web"]),
  );
  metrics.query(labels);
  metrics.query(labels);
  value = 7;
  const text = await metrics.text();
  expect(text).toContain(
    'eleven_queries_total{container="web",qtype="A",rcode="NOERROR",origin="registry"} 2',
  );
  expect(text).toContain("eleven_gauge 7");
  expect(text).toContain("eleven_events_total 7");
  expect(await metrics.text()).toContain("eleven_events_total 7");
});

test("metrics forget containers that are gone", async () => {
  const alive = new Set(["web", "db"]);
  const metrics = createMetrics([], () => alive);
  metrics.query(labels);
  metrics.query({ ...labels, rcode: "SERVFAIL" });
  metrics.query({ ...labels, container: "db" });
  alive.delete("web");
  const text = await metrics.text();
  expect(text).not.toContain('container="web"');
  expect(text).toContain('container="db"');
});

test("an address for metrics that is taken is told with a remedy", async () => {
  const metrics = createMetrics([], () => new Set());
  const first = await serveMetrics(metrics, { address: "127.0.0.1", port: 0 });
  expect(first.port).toBeGreaterThan(0);
  const response = await fetch(`http://127.0.0.1:${first.port}/metrics`);
  expect(response.headers.get("content-type")).toContain("text/plain");
  expect(await response.text()).toContain("# TYPE eleven_queries_total counter");
  expect((await fetch(`http://127.0.0.1:${first.port}/`)).status).toBe(404);
  await expect(serveMetrics(metrics, { address: "127.0.0.1", port: first.port })).rejects.toMatchObject({
    code: "LISTEN",
    remedy: expect.any(String),
  });
  await first.close();
});

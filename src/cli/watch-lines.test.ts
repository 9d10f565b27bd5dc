import { expect, test } from "vitest";
import type { QueryEvent } from "../api/control.ts";
import { watchLines } from "./watch-lines.ts";

const PLAIN = { dim: String, good: String, bad: String };
const event: QueryEvent = {
  at: "2026-01-01T00:00:00.007Z",
  container: "web-1",
  transport: "udp",
  question: { name: "web.", type: "A" },
  rcode: "NOERROR",
  answers: [{ name: "web.", type: "A", ttl: 5, data: "10.5.0.2" }],
  ede: [],
  origin: "registry",
  upstream: null,
  ms: 0.3,
  slow: false,
};

test("an answer is a line in columns", () => {
  const line = watchLines(PLAIN);
  expect(line(event).slice("00:00:00".length)).toBe(".007  web-1  A  web.  10.5.0.2  registry      0.3 ms");
  const failed = {
    ...event,
    container: null,
    rcode: "SERVFAIL",
    ede: [{ code: 23, text: "it is down" }],
    origin: "upstream" as const,
    upstream: "10.0.0.1:53",
    ms: 812,
    slow: true,
  };
  expect(line(failed)).toContain(
    "host   A  web.  SERVFAIL (it is down)  upstream 10.0.0.1:53    812.0 ms slow",
  );
  expect(line({ ...event, answers: [] })).toContain("web.  NODATA  ");
});

test("colours tell what went wrong", () => {
  const marked = { dim: String, good: (text: string) => `+${text}`, bad: (text: string) => `-${text}` };
  expect(watchLines(marked)(event)).toContain("+10.5.0.2");
  expect(watchLines(marked)({ ...event, rcode: "NXDOMAIN" })).toContain("-NXDOMAIN");
  expect(watchLines(marked)({ ...event, slow: true })).toMatch(/- +0\.3 ms slow$/);
  expect(watchLines(marked)({ skipped: 12 })).toBe("-12 answers not shown: they came too fast");
});

import { expect, test } from "vitest";
import type { StepReport } from "../api/control.ts";
import { explanation } from "./explanation.ts";
import { drawTree } from "./tree.ts";

const PLAIN = { dim: String, good: String, bad: String };

const draw = (...steps: Omit<StepReport, "us">[]) =>
  drawTree(explanation(steps.map((step, i) => ({ ...step, us: i * 1000 }))), PLAIN).split("\n");

test("what the pipeline did stands below the question", () => {
  const asks = { who: "stub", decision: "asks", detail: { name: "web.", type: "A", why: "as it is" } };
  expect(
    draw(
      asks,
      {
        who: "cache",
        decision: "hit",
        detail: { remainingSeconds: 3, upstream: "10.0.0.1:53", sandbox: "x" },
      },
      { who: "stub", decision: "takes the answer", detail: {} },
    ),
  ).toEqual([
    "0.0 ms  ├─ stub  asks web. A  (as it is)",
    "1.0 ms  │  └─ cache  hit  (remaining seconds 3, upstream 10.0.0.1:53)",
    "2.0 ms  └─ stub  takes the answer",
  ]);
});

test("a binding is one line, and one that is gone says whose the address is now", () => {
  const binding = {
    kind: "alias",
    name: "armory",
    container: "old",
    sandbox: "s",
    network: "shop",
    source: "file:shop.yaml",
    revision: 3,
    cause: "shop.yaml changed",
  };
  const since = new Date(Date.now() - 3_600_000 * 5).toISOString();
  const names = [{ ...binding, since }];
  const removed = [{ ...binding, address: "10.77.0.155", at: since, cause: null, heldNowBy: [] }];
  expect(
    draw({ who: "provenance", decision: "it belongs to old", detail: { address: "x", names, removed } }),
  ).toEqual([
    "0.0 ms  └─ provenance  it belongs to old",
    `           ├─ alias armory                  of old  in shop  since ${since} (5 h ago)  by file:shop.yaml in revision 3: shop.yaml changed`,
    `           └─ 10.77.0.155 was alias armory  of old  in shop  until ${since} (5 h ago)  by file:shop.yaml in revision 3: longer ago than the history reaches  now nobody's`,
  ]);
});

test("who has an address is told with since when and why, also where no name leads there", () => {
  const since = new Date(Date.now() - 3_600_000 * 5).toISOString();
  const owner = { container: "web-2", sandbox: "s", network: "shop", source: "docker", revision: 3 };
  const unnamed = { ...owner, network: "bridge", source: null, since: null, revision: null, cause: null };
  const owners = [{ ...owner, since, cause: "event start" }, unnamed];
  expect(draw({ who: "provenance", decision: "it belongs to web-2", detail: { owners } })).toEqual([
    "0.0 ms  └─ provenance  it belongs to web-2",
    `           ├─ address  of web-2  in shop    since ${since} (5 h ago)  by docker in revision 3: event start`,
    "           └─ address  of web-2  in bridge  no name leads to it",
  ]);
});

test("what could move the cursor is made visible", () => {
  expect(draw({ who: "x", decision: "failed", detail: { text: "a\u001b[2Jb" } })[0]).toContain(
    "a\\u{1b}[2Jb",
  );
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lines, readEvent } from "./docker-events.ts";

const file = new URL("../../test/fixtures/docker/events-20.10.jsonl", import.meta.url);
const recorded = readFileSync(file, "utf8").trim().split("\n");

function recordedAs(type: string, action: string): string {
  return recorded.find((line) => line.includes(`"Type":"${type}","Action":"${action}"`))!;
}

describe("an event", () => {
  test("of a container is about that one", () => {
    expect(readEvent(recordedAs("container", "start"))).toEqual({
      kind: "container",
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      cause: "docker event: start web-1",
    });
    expect(readEvent(recordedAs("container", "rename")).cause).toBe("docker event: rename linker2");
  });

  test("of a death has its time", () => {
    const event = readEvent(recordedAs("container", "die"));
    expect(event).toMatchObject({ kind: "container", diedAt: expect.closeTo(1795384714684.767, 0) });
  });

  test("of a network that a container joins or leaves is about the container", () => {
    const joins = readEvent(recordedAs("network", "connect"));
    expect(joins).toMatchObject({ kind: "container", cause: "docker event: network connect shop" });
    expect(joins).toHaveProperty("joins", expect.stringMatching(/^9ceabb3c1e82/));
    const leaves = readEvent(recordedAs("network", "disconnect"));
    expect(leaves).toMatchObject({ kind: "container", cause: "docker event: network disconnect shop" });
    expect(leaves).not.toHaveProperty("joins");
  });

  test("of a network is about the networks", () => {
    const cause = "docker event: network create shop";
    expect(readEvent(recordedAs("network", "create"))).toEqual({ kind: "networks", cause });
  });

  test.each([
    ["a service", recordedAs("service", "create")],
    ["a node", recordedAs("node", "update")],
    ["something that is no JSON", '{"Type":'],
    ["something of another shape", '{"Type":"container"}'],
    ["something else", "7"],
  ])("of %s is about everything", (_, line) => {
    expect(readEvent(line).kind).toBe("all");
  });
});

test("lines come whole, however the stream is cut into chunks", () => {
  const taken: string[] = [];
  const take = lines((line) => taken.push(line));
  for (const chunk of ["a", "b\nc\n\n", "", "d\r\n", "e"]) take(chunk);
  expect(taken).toEqual(["ab", "c", "d\r"]);
});

import { expect, test } from "vitest";
import { drawTree } from "./tree.ts";

const PLAIN = { dim: String, good: String, bad: String };

test("a tree has its cells below each other, and what leads at the left", () => {
  const branches = [
    { lead: "1 ms", cells: ["a", "short"], below: [{ cells: ["below"], below: [] }] },
    { lead: "10 ms", cells: ["longer", "x"], below: [{ cells: ["end"], below: [] }] },
  ];
  expect(drawTree(branches, PLAIN).split("\n")).toEqual([
    " 1 ms  ├─ a       short",
    "       │  └─ below",
    "10 ms  └─ longer  x",
    "          └─ end",
  ]);
});

import { expect, test } from "vitest";
import { listed, together } from "./together.ts";

test("cases with the same evidence are one group, in the order in which they came", () => {
  const cases = [
    { name: "web-1", ndots: 5 },
    { name: "db", ndots: 2 },
    { name: "web-2", ndots: 5 },
  ];
  const groups = together(cases, { of: ({ name }) => name, evidence: ({ ndots }) => ndots });
  expect(groups).toEqual([
    { first: cases[0], subject: "web-1, web-2", containers: ["web-1", "web-2"] },
    { first: cases[1], subject: "db", containers: ["db"] },
  ]);
});

test("of many names three are told, and the number of the others", () => {
  expect(listed(["a", "b", "c"])).toBe("a, b, c");
  expect(listed(["a", "b", "c", "d"])).toBe("a, b, c and 1 other");
  expect(listed(["a", "b", "c", "d", "e"])).toBe("a, b, c and 2 others");
});

import { expect, test } from "vitest";
import { failures } from "./failures.ts";
import { said } from "./scripted.suite.ts";

const answer = said([], { rcode: 2 });
const length = ({ at, until }: { at: number; until: number }) => until - at;

test("each failure in a row lasts twice as long, from one second to five (RFC 9520 §3.2)", () => {
  const failed = failures();
  const lengths: number[] = [];
  let now = 0;
  for (let i = 0; i < 5; i++) {
    failed.add("x", answer, now);
    lengths.push(length(failed.get("x")!));
    now = failed.get("x")!.until + 10;
  }
  expect(lengths).toEqual([1000, 2000, 4000, 5000, 5000]);
});

test("the row ends with an answer, and after a while without asking", () => {
  const failed = failures();
  failed.add("x", answer, 0);
  failed.delete("x");
  failed.add("x", answer, 1000);
  expect(length(failed.get("x")!)).toBe(1000);
  failed.add("x", answer, 40_000);
  expect(length(failed.get("x")!)).toBe(1000);
});

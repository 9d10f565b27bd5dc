import { expect, test } from "vitest";
import { conntrackCounters } from "./conntrack-counters.ts";

test("counters are summed over processors, and read as hexadecimal", () => {
  const table = `entries  clashres found insert_failed drop
0000002f  0000000a 00000000 00000001 00000000
0000002f  00000001 00000000 00000010 00000000
`;
  expect(conntrackCounters(table)).toEqual({ clashResolve: 11, insertFailed: 17 });
});

test("an older kernel counts no clashes: its second column is something else", () => {
  const table = "entries  searched found insert_failed\n0000002f  0000000a 00000000 00000000\n";
  expect(conntrackCounters(table)).toEqual({ clashResolve: 0, insertFailed: 0 });
});

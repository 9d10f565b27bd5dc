import { expect, test } from "vitest";
import { COLUMNS, SHED_TYPES } from "../dataplane/memory.ts";
import { type Labels, tallies } from "../dataplane/tallies.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer } from "../resolver/resolver.ts";
import { Rcode } from "../wire/iana.ts";
import { countedAs } from "./readings.ts";

/*
 * Clients choose the types that they ask for. Whatever they have asked for before, what the data plane may answer by
 * itself has a column to be counted in: without one it would be answered by the pipeline for good.
 */
test("no client can use up the columns in which the data plane counts", () => {
  const counts = tallies([new SharedArrayBuffer(4 * COLUMNS)]);
  const without = new Set<Labels["qtype"]>();
  for (const origin of ["registry", "none", "cache"] satisfies Answer["origin"][])
    for (const rcode of [Rcode.NOERROR, Rcode.NXDOMAIN])
      for (let qtype = 0; qtype < 2 ** 16; qtype++) {
        const labels = countedAs(qtype, answer(origin, { rcode }));
        if (counts.column(labels) === undefined) without.add(labels.qtype);
      }
  // And what is shed.
  for (let qtype = 0; qtype < SHED_TYPES; qtype++)
    if (
      counts.column({ ...countedAs(qtype, answer("none", { rcode: Rcode.SERVFAIL })), origin: "shed" }) ===
      undefined
    )
      without.add(`${qtype}, shed`);
  expect([...without]).toEqual([]);
  for (let qtype = SHED_TYPES; qtype < 2 ** 16; qtype++)
    expect(countedAs(qtype, answer("none", {})).qtype).toBe("other");
});

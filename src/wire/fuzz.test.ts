import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryMessage } from "../../test/fuzz/arbitrary-message.ts";
import { wireFixtures } from "../../test/fuzz/fixtures.ts";
import { mutant, seededRandom } from "../../test/fuzz/mutate.ts";
import { composeMessage } from "./compose.ts";
import { WireError } from "./errors.ts";
import { parseMessage } from "./parse.ts";
import { formatRdata } from "./presentation.ts";

const SEED = 11;
/** `ELEVEN_FUZZ=1000000` is the full run. */
const RUNS = Number(process.env.ELEVEN_FUZZ ?? 30_000);
/** Far above what the full run needs: a run is bounded by its number, not by time. */
const TIMEOUT_MS = 3_600_000;

test(
  `parseMessage takes ${RUNS} mutants, and what it accepts can be shown and composed again`,
  () => {
    const corpus = [
      ...fc.sample(arbitraryMessage(3), { seed: SEED, numRuns: 300 }).map(composeMessage),
      ...wireFixtures().map(({ octets }) => octets),
    ];
    const random = seededRandom(SEED);
    const outcomes = new Map<string, number>();
    for (let run = 0; run < RUNS; run++) {
      const octets = mutant(corpus, random);
      const outcome = outcomeOf(octets);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      // Not one expectation for each of a million.
      if (outcome.startsWith("BUG"))
        expect.fail(`${outcome} in run ${run}: ${Buffer.from(octets).toString("hex")}`);
    }
    if (process.env.ELEVEN_FUZZ !== undefined) process.stdout.write(`${summary(outcomes)}\n`);
    // Without these, the mutants would not reach what they are to test.
    for (const outcome of [
      "ok",
      "message-short",
      "rdata-short",
      "pointer-target",
      "opt-option",
      "svcb-order",
    ]) {
      expect(outcomes.keys(), outcome).toContain(outcome);
    }
  },
  TIMEOUT_MS,
);

function outcomeOf(octets: Uint8Array): string {
  try {
    const parsed = parseMessage(octets);
    if (!parsed.ok) return parsed.error.reason;
    for (const rr of parsed.message.answers) formatRdata(rr);
    const again = parseMessage(composeMessage(parsed.message));
    return again.ok && isDeepStrictEqual(again.message, parsed.message) ? "ok" : "BUG: another message";
  } catch (error) {
    // Names that came compressed and must go whole can make a message too long.
    return error instanceof WireError && error.reason === "message-long" ? "ok" : `BUG: ${String(error)}`;
  }
}

function summary(outcomes: ReadonlyMap<string, number>): string {
  return [...outcomes]
    .sort(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join("\n");
}

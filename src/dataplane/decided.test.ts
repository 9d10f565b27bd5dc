import { expect, test } from "vitest";
import { answer } from "../resolver/reply.ts";
import { composeMessage } from "../wire/compose.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { decided } from "./decided.ts";
import { CLIENTS_MAX, COLUMNS, planeMemory, workerMemory } from "./memory.ts";
import type { Labels } from "./tallies.ts";

const HEADER = {
  id: 7,
  opcode: 0,
  aa: false,
  tc: false,
  rd: true,
  ra: false,
  ad: false,
  cd: false,
  rcode: 0,
};
const QUERY: Message = {
  header: { ...HEADER, qr: false },
  questions: [{ name: "web.", type: RrType.A, class: RrClass.IN }],
  answers: [],
  authority: [],
  additional: [],
};
const LABELS = { qtype: "A", rcode: "NOERROR", origin: "registry" };

/** Sandboxes that come, get answers of the workers, and go. */
function world() {
  const plane = planeMemory(64 * 1024);
  const own = workerMemory({ epoll: -1, eventfd: -1 });
  const counts = new Uint32Array(own.counts);
  const living = new Set<string>();
  type Told = readonly [owner: string, labels: Labels, count: number];
  const settled: Told[] = [];
  const known = decided({
    plane,
    own: [own],
    signature: () => "all see the same",
    exists: (sandbox) => living.has(sandbox),
    owner: (sandbox) => `name of ${sandbox}`,
    settled: (...told) => settled.push(told),
    leave() {},
    labels: () => LABELS,
  });
  const reuse = { milliseconds: Number.POSITIVE_INFINITY, agedMs: undefined };
  const query = composeMessage(QUERY);
  const response = composeMessage({ ...QUERY, header: { ...HEADER, qr: true } });

  /** One comes, asks, gets so many answers, and goes. */
  function visit(sandbox: string, answers: number): void {
    living.add(sandbox);
    const begun = known.begin(sandbox);
    // Without a row the workers answer nothing.
    if (begun !== undefined) {
      known.keep(query, response, answer("registry", { reuse }), begun, 0);
      counts[begun.client.row * COLUMNS] = counts[begun.client.row * COLUMNS]! + answers;
    }
    living.delete(sandbox);
  }

  function drained() {
    const told: Told[] = [];
    known.drain((...one) => told.push(one));
    return told;
  }

  return { visit, drained, settled };
}

test("what sandboxes got that are gone is counted as theirs, in memory that does not grow with their number", () => {
  const { visit, drained, settled } = world();
  const visitors = 4 * CLIENTS_MAX;
  for (let i = 0; i < visitors; i++) visit(`test/${i}`, 3);
  const told = drained();
  // One for each row that is somebody's; all others were told when their rows were given away.
  expect(told.length).toBeLessThan(CLIENTS_MAX);
  const all = [...settled, ...told];
  // All but those who came while rows were being cleared.
  expect(all.length).toBeGreaterThan(visitors - 10);
  expect(new Set(all.map(([owner]) => owner)).size).toBe(all.length);
  expect(all.filter(([owner, , count]) => !/^name of test\/\d+$/.test(owner) || count !== 3)).toEqual([]);
  expect(drained()).toEqual([]);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { answerReader } from "../dataplane/answer-reader.ts";
import { type Begun, decided } from "../dataplane/decided.ts";
import { HEADER_WORDS, Word } from "../dataplane/entry.ts";
import { planeMemory, workerMemory } from "../dataplane/memory.ts";
import { questionKey } from "../dataplane/question-key.ts";
import { stillClock } from "../registry/fixture.suite.ts";
import type { Container, Endpoint } from "../registry/model.ts";
import { createRegistry } from "../registry/registry.ts";
import { registryZone } from "../registry/zone.ts";
import { hostSuffix } from "../resolver/host-suffix.ts";
import { noTransfer } from "../resolver/no-transfer.ts";
import { answer } from "../resolver/reply.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";
import { specialUse } from "../resolver/special-use.ts";
import { createHandler, type Response } from "../server/handle.ts";
import { composeMessage } from "../wire/compose.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import { parseMessage } from "../wire/parse.ts";
import { onlyIf, pipeline } from "./pipeline.ts";
import { countedAs } from "./readings.ts";
import { confinement, hasOwnUpstreams } from "./upstreams.ts";
import { viewSignature } from "./view-signature.ts";

/*
 * Whatever happens in the registry, and while answers are being worked out: what the workers find in the table is what
 * the pipeline would say at this moment. The workers' part is played by a reader on this thread.
 */

// Small pools, so that everything collides with everything.
const NETWORKS = ["shop", "b.net"];
const NAMES = ["web", "Web", "db", "web.shop", "db.b", "0123456789ab"];
const SANDBOXES = [undefined, "a/1", "a/2", "b/1"];
const QNAMES = [
  "web.",
  "db.",
  "web.shop.",
  "db.b.net.",
  "web.shop.docker.",
  "0123456789ab.",
  "nobody.example.",
  "1.0.0.10.in-addr.arpa.",
  "2.0.0.10.in-addr.arpa.",
  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.",
  // The first of the IPv4 addresses, and one whose last octet has another spelling there, as IPv6.
  "1.0.0.0.0.0.a.0.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
  "2.1.0.0.0.0.a.0.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
];
const TYPES = [RrType.A, RrType.AAAA, RrType.PTR];

const name = fc.constantFrom(...NAMES);
const perhaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const compact = <T extends object>(value: object) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;

const endpoint = fc
  .record({
    network: fc.constantFrom(...NETWORKS),
    ipv4: perhaps(fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.18")),
    ipv6: perhaps(fc.constant("fd00::1")),
    aliases: fc.array(name, { maxLength: 2 }),
    links: fc.dictionary(name, name, { maxKeys: 1 }),
    priority: fc.constantFrom(0, 1),
  })
  .map((one) => compact<Endpoint>(one));

const containerOf = (source: string) =>
  fc
    .record({
      key: fc.constantFrom("1", "2").map((id) => `${source}/${id}`),
      name,
      id: perhaps(fc.constant("0123456789abcdef")),
      upstreams: perhaps(
        fc.constantFrom([{ address: "10.9.0.1", port: 53 }], [{ address: "10.9.0.2", port: 53 }]),
      ),
      endpoints: fc.uniqueArray(endpoint, { maxLength: 2, selector: ({ network }) => network }),
    })
    .map((one) => compact<Container>(one));

const source = fc.constantFrom("a", "b");
const networks = fc.uniqueArray(fc.record({ name: fc.constantFrom(...NETWORKS), internal: fc.boolean() }), {
  selector: ({ name: network }) => network,
});

const change = fc.oneof(
  source.chain((from) =>
    containerOf(from).map((container) => ({ kind: "put" as const, source: from, cause: "test", container })),
  ),
  source.chain((from) =>
    fc
      .constantFrom("1", "2")
      .map((id) => ({ kind: "remove" as const, source: from, cause: "test", key: `${from}/${id}` })),
  ),
  source.chain((from) =>
    fc
      .tuple(networks, fc.uniqueArray(containerOf(from), { maxLength: 2, selector: ({ key }) => key }))
      .map(([all, containers]) => ({
        kind: "sync" as const,
        source: from,
        cause: "test",
        snapshot: { networks: all, containers },
      })),
  ),
);

function request(qname: string, type: number): Uint8Array {
  const flags = { qr: false, opcode: 0, aa: false, tc: false, rd: true, ra: false, ad: false, cd: false };
  return composeMessage({
    header: { id: 7, rcode: 0, ...flags },
    questions: [{ name: qname, type, class: RrClass.IN }],
    answers: [],
    authority: [],
    additional: [],
  });
}

function sense(octets: Uint8Array): unknown {
  const parsed = parseMessage(octets);
  if (!parsed.ok) throw new Error("no message");
  const { header, answers } = parsed.message;
  return { header, answers: answers.map((rr) => JSON.stringify(rr)).sort() };
}

function world() {
  const registry = createRegistry({ clock: stillClock(), host: "host-a" });
  registry.expect("a");
  const containerOfClient = ({ client }: Query) =>
    client.sandbox === undefined ? undefined : registry.container(client.sandbox);
  /** An upstream whose answers say who was asked on whose behalf, and which may be given again for a while. */
  const upstream = (who: (query: Query) => string): Resolver => ({
    name: "upstream",
    async resolve(query) {
      const data = { kind: "TXT" as const, strings: [new TextEncoder().encode(who(query))] };
      const records = [{ name: query.question.name, type: RrType.TXT, class: RrClass.IN, ttl: 60, data }];
      return answer("upstream", { answers: records, reuse: { milliseconds: 60_000, agedMs: 0 } });
    },
  });
  const nothing: Resolver = { name: "nothing", resolve: async () => undefined };
  const zone = registryZone({ registry, ttl: () => 5 });
  const resolver = pipeline({
    noTransfer: noTransfer(),
    loopTest: nothing,
    registryZone: zone,
    hostSuffix: hostSuffix({ suffix: () => "docker.", inner: zone }),
    specialUse: specialUse(),
    noIpv6: nothing,
    ownUpstreams: onlyIf(
      (query) => hasOwnUpstreams(containerOfClient(query)),
      upstream((query) => JSON.stringify([query.client.sandbox, containerOfClient(query)?.upstreams])),
    ),
    confinement: confinement(registry),
    splitDns: nothing,
    nodeLocalUpstreams: nothing,
    hostUpstreams: upstream(() => "host"),
  });
  const handler = createHandler({
    resolver: () => resolver,
    observe() {},
    clock: systemClock,
    log: silentLog,
    signal: new AbortController().signal,
  });
  const plane = planeMemory(1024 * 1024);
  const own = workerMemory({ epoll: -1, eventfd: -1 });
  const known = decided({
    plane,
    own: [own],
    signature: (sandbox) => viewSignature(registry, sandbox),
    exists: (sandbox) => registry.container(sandbox) !== undefined,
    owner: (sandbox) => String(sandbox),
    settled() {},
    leave() {},
    labels: countedAs,
  });
  let wasReady = registry.ready;
  registry.onChange(({ names, addresses, touched }) => {
    known.changed({ names, addresses, sandboxes: touched });
    if (registry.ready !== wasReady) known.changedAll();
    wasReady = registry.ready;
  });
  const views = new Uint32Array(plane.views);
  const reader = answerReader(plane.table);
  const key = questionKey(plane.seed);
  const rows = new Map<string | undefined, number>();

  /** What a worker would answer; undefined if it would hand the query over. */
  function given(query: Uint8Array, sandbox: string | undefined): Uint8Array | undefined {
    const view = views[rows.get(sandbox) ?? 0]!;
    if (view === 0 || !key.read(query, 0, query.length)) return undefined;
    const entry = reader.find(key.hash, view, key.words, key.wordCount, 1000);
    if (entry === 0) return undefined;
    const length = reader.words[entry + Word.RESPONSE]! >>> 16;
    const at = (entry + HEADER_WORDS + key.wordCount) * 4;
    return reader.octets.slice(at, at + length);
  }

  function begin(sandbox: string | undefined): Begun | undefined {
    const begun = known.begin(sandbox);
    if (begun !== undefined) rows.set(sandbox, begun.client.row);
    return begun;
  }

  const ask = (query: Uint8Array, sandbox: string | undefined): Promise<Response | undefined> =>
    handler.handle(query, { sandbox, transport: "udp" });

  return { registry, known, given, begin, ask };
}

test("what the workers find is what the pipeline says, after any changes and while answers are worked out", async () => {
  const questions = fc.uniqueArray(
    fc.record({
      qname: fc.constantFrom(...QNAMES),
      type: fc.constantFrom(...TYPES),
      sandbox: fc.constantFrom(...SANDBOXES),
    }),
    { minLength: 8, maxLength: 32 },
  );
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 2, maxLength: 12 }),
      questions,
      fc.nat(3),
      async (changes, asked, late) => {
        const { registry, known, given, begin, ask } = world();
        // Answers that are under way while things change, and come after that.
        const underWay: (() => Promise<void>)[] = [];
        for (const [step, one] of changes.entries()) {
          for (const [which, { qname, type, sandbox }] of asked.entries()) {
            const query = request(qname, type);
            const begun = begin(sandbox);
            const keep = async (asking: Promise<Response | undefined>) => {
              const response = await asking;
              if (begun === undefined || response?.answer === undefined) return;
              known.keep(query, response.octets, response.answer, begun, 1000);
            };
            if (step % 4 !== late) await keep(ask(query, sandbox));
            // Worked out before the change, or only after it.
            else if (which % 2 === 0) {
              const response = await ask(query, sandbox);
              underWay.push(() => keep(Promise.resolve(response)));
            } else underWay.push(() => keep(ask(query, sandbox)));
          }
          registry.apply(one);
          for (const keep of underWay.splice(0)) await keep();
          for (const { qname, type, sandbox } of asked) {
            const query = request(qname, type);
            const found = given(query, sandbox);
            if (found === undefined) continue;
            hits += 1;
            expect({ qname, type, sandbox, ...(sense(found) as object) }).toEqual({
              qname,
              type,
              sandbox,
              ...(sense((await ask(query, sandbox))!.octets) as object),
            });
          }
        }
      },
    ),
    { numRuns: Number(process.env.ELEVEN_RUNS ?? 150) },
  );
  expect(hits).toBeGreaterThan(1000);
});

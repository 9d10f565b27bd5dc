import { composeMessage } from "../wire/compose.ts";
import { Rcode, RrType, typeName } from "../wire/iana.ts";
import type { Rdata } from "../wire/message.ts";
import { type Libc, type LookupResult, lookup } from "./lookup.ts";
import { type Arrival, type Fate, type Servers, simulatedNetwork } from "./simulated-network.ts";
import type { LookupRequest } from "./stub.ts";
import { virtualClock } from "./virtual-clock.ts";

/** What a test says of a lookup; the name is www.example.test, as it is. */
export interface Setting extends Partial<Omit<LookupRequest, "name">> {
  readonly name?: string;
  readonly libc?: Libc;
  /** Lines after the nameservers. */
  readonly options?: string;
  readonly search?: string;
  readonly nameservers?: readonly string[];
  readonly hosts?: string;
  readonly hostname?: string;
  readonly local?: readonly string[];
  readonly patienceMs?: number;
  readonly random?: () => number;
}

export type Behaviour = (arrival: Arrival, nth: number) => Fate;

export interface Simulated extends LookupResult {
  /** `10.0.0.1 udp www.example.test. A`, in order. */
  readonly wire: readonly string[];
  /** Whole seconds. */
  readonly seconds: number;
  readonly arrivals: readonly Arrival[];
}

/** Runs a lookup against simulated servers; minutes take no time. */
export async function simulate(
  setting: Setting,
  behaviour: Behaviour,
  connect: Servers["connect"] = () => ({ afterMs: 1 }),
): Promise<Simulated> {
  const { libc = "glibc", nameservers = ["10.0.0.1"], options = "", search, patienceMs = 1e6 } = setting;
  const clock = virtualClock();
  const arrivals: Arrival[] = [];
  const servers: Servers = {
    receive(arrival) {
      arrivals.push(arrival);
      return behaviour(arrival, arrivals.length);
    },
    connect,
    unreachable: () => undefined,
  };
  const lines = [...nameservers.map((address) => `nameserver ${address}`), `options ${options}`];
  if (search !== undefined) lines.push(`search ${search}`);
  const patience = new AbortController();
  clock.after(patienceMs, () => patience.abort());
  let chance = 100;
  const work = lookup(
    {
      name: setting.name ?? "www.example.test",
      family: setting.family ?? "any",
      addrconfig: setting.addrconfig ?? false,
      v4mapped: setting.v4mapped ?? false,
      all: setting.all ?? false,
    },
    libc,
    { resolvConf: `${lines.join("\n")}\n`, hosts: setting.hosts ?? "", hostname: setting.hostname ?? "host" },
    {
      clock,
      network: simulatedNetwork(clock, servers, setting.local ?? ["127.0.0.1", "10.0.0.9", "2001:db8::9"]),
      random: setting.random ?? (() => chance++),
      sort: async (addresses) => addresses,
    },
    patience.signal,
  );
  const result = (await clock.run(work, 1e9))!;
  const wire = arrivals.map(
    ({ server, transport, query }) =>
      `${server} ${transport} ${query.question!.name} ${typeName(query.question!.type)}`,
  );
  return { ...result, wire, seconds: Math.round(result.ms / 1000), arrivals };
}

export interface Answer {
  readonly rcode?: keyof typeof Rcode;
  readonly addresses?: readonly string[];
  readonly cname?: string;
  readonly tc?: boolean;
  readonly ra?: boolean;
  readonly aa?: boolean;
  readonly afterMs?: number;
  /** Under another name than the one asked for. */
  readonly name?: string;
}

/** What a server sends back. */
export function reply({ query }: Arrival, answer: Answer): NonNullable<Fate> {
  const { rcode = "NOERROR", addresses = [], cname, tc = false, ra = true, aa = false, afterMs = 1 } = answer;
  const question = query.question!;
  const name = answer.name ?? cname ?? question.name;
  const record = (owner: string, type: number, data: Rdata) => ({
    name: owner,
    type,
    class: 1,
    ttl: 60,
    data,
  });
  const octets = composeMessage({
    header: {
      ...query,
      qr: true,
      opcode: 0,
      aa,
      tc,
      rd: true,
      ra,
      ad: false,
      cd: false,
      rcode: Rcode[rcode],
    },
    questions: [question],
    answers: [
      ...(cname === undefined ? [] : [record(question.name, RrType.CNAME, { kind: "CNAME", target: cname })]),
      ...addresses.map((address) =>
        address.includes(":")
          ? record(name, RrType.AAAA, { kind: "AAAA", address })
          : record(name, RrType.A, { kind: "A", address }),
      ),
    ],
    authority: [],
    additional: [],
  });
  return { afterMs, octets };
}

export const V4 = "192.0.2.7";
export const V6 = "2001:db8::7";

export const isA = ({ query }: Arrival): boolean => query.question!.type === RrType.A;

/** Has both addresses. */
export const healthy: Behaviour = (arrival) => reply(arrival, { addresses: [isA(arrival) ? V4 : V6] });
/** The server of the five seconds: A is answered, AAAA never. */
export const withoutAaaa: Behaviour = (arrival, nth) => (isA(arrival) ? healthy(arrival, nth) : undefined);
export const silent: Behaviour = () => undefined;
export const always =
  (rcode: keyof typeof Rcode): Behaviour =>
  (arrival) =>
    reply(arrival, { rcode });

import { closeSync, readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import { type Conversation, conversations } from "../../linux/conntrack.ts";
import { type Namespace, openNamespace } from "../../linux/namespace.ts";
import { netfilterSocket } from "../../linux/netlink.ts";
import type { Check, Found } from "../check.ts";
import { type ConntrackCounters, conntrackCounters } from "../conntrack-counters.ts";
import type { Context } from "../context.ts";
import { type Stub, stubs } from "../stubs.ts";
import { together } from "../together.ts";

const DNS_PORT = 53;
const EMBEDDED = "127.0.0.11";
const COUNTERS = "stat/nf_conntrack";
/**
 * To list what is tracked in one namespace, the kernel goes through the table of all (observed: up to 80 ms), in which
 * nobody is answered.
 */
const MAX_LISTED = 10;

/**
 * A and AAAA leave libc at once, and connection tracking has to choose a way for both: where it chooses among several
 * servers, or among several clients behind one address, one of the two can be lost, and libc waits 5 s.
 */
export const conntrackRaceRisk: Check = {
  code: "conntrack-race-risk",
  async run(context) {
    const risks: Risk[] = [];
    try {
      risks.push(...riskOf(hostReading()));
    } catch (error) {
      return { skipped: messageOf(error) };
    }
    for (const reading of await containerReadings(context)) risks.push(...riskOf(reading));
    const groups = together(risks, {
      of: ({ place }) => place,
      evidence: ({ place, counters, ...rest }) => rest,
    });
    return groups.map(({ first, subject, containers }) => finding(first, subject, containers));
  },
};

interface Reading {
  readonly place: string;
  readonly counters: ConntrackCounters;
  readonly dns: readonly Conversation[];
  /** Whether DNS over UDP is tracked there, as far as is known. */
  readonly isTracked: boolean;
}

function hostReading(): Reading {
  const namespace = openNamespace("/proc/thread-self/ns/net");
  try {
    const dns = dnsOf(namespace);
    // Of the thread, lest it be another namespace's.
    const counters = conntrackCounters(readFileSync(`/proc/thread-self/net/${COUNTERS}`, "utf8"));
    return { place: "the host", counters, dns, isTracked: dns.length > 0 };
  } finally {
    namespace.close();
  }
}

/** The counters of all; what is tracked, of those in which libc asks somebody itself, and not through Docker's rules. */
async function containerReadings(context: Context): Promise<Reading[]> {
  const found = stubs(context);
  const askers = new Set(
    "skipped" in found
      ? []
      : found
          .filter(asksOthers)
          .slice(0, MAX_LISTED)
          .map(({ sandbox }) => sandbox),
  );
  const readings: Reading[] = [];
  for (const sandbox of context.sandboxes.open) {
    const { container, namespace, resolver } = sandbox;
    const dns = askers.has(sandbox) ? dnsOf(namespace) : [];
    const isTranslated = resolver !== undefined && !context.isAttached(container.key);
    const counters = conntrackCounters(sandbox.net(COUNTERS));
    readings.push({ place: container.name, counters, dns, isTracked: dns.length > 0 || isTranslated });
    await nextTurn();
  }
  return readings;
}

function asksOthers({ conf }: Stub): boolean {
  return conf.nameservers.some((address) => address !== EMBEDDED);
}

function dnsOf(namespace: Namespace): Conversation[] {
  const netlink = netfilterSocket(namespace);
  try {
    return conversations(netlink, DNS_PORT);
  } finally {
    closeSync(netlink);
  }
}

interface Risk {
  readonly place: string;
  /** Whom DNS is sent to, with the servers among which DNAT chooses: those with more than one. */
  readonly balanced: readonly { readonly to: string; readonly servers: readonly string[] }[];
  /** Whether queries were lost (`insert_failed`), or only met (`clash_resolve`). */
  readonly counted: "lost" | "met" | "nothing";
  readonly counters: ConntrackCounters;
}

function riskOf({ place, dns, counters, isTracked }: Reading): Risk[] {
  // The counters would be of something else.
  if (!isTracked) return [];
  const balanced = balancedOf(dns);
  const counted = counters.insertFailed > 0 ? "lost" : counters.clashResolve > 0 ? "met" : "nothing";
  if (balanced.length === 0 && counted === "nothing") return [];
  return [{ place, balanced, counted, counters }];
}

function balancedOf(dns: readonly Conversation[]): Risk["balanced"] {
  const servers = new Map<string, Set<string>>();
  for (const { to, server } of dns) {
    const known = servers.get(to.address) ?? new Set();
    // The engine's resolver is at another port after each start: that is no choice.
    servers.set(to.address, known.add(server.address));
  }
  return [...servers]
    .filter(([, known]) => known.size > 1)
    .map(([to, known]) => ({ to, servers: [...known].sort() }));
}

function finding(risk: Risk, subject: string, namespaces: readonly string[]): Found {
  const { balanced, counted, counters } = risk;
  return {
    severity: balanced.length > 0 || counted === "lost" ? "warning" : "info",
    subject,
    text: [chosen(balanced), happened(counted)].filter((each) => each !== "").join(" "),
    evidence: { namespaces, balanced, ...counters },
    remedy:
      "let A and AAAA not begin one conversation at once: `options single-request-reopen` (glibc; musl knows none); or have DNS answered without connection tracking, as attached containers have it; for clients behind one address, MASQUERADE with `--random-fully`",
  };
}

function chosen(balanced: Risk["balanced"]): string {
  return balanced
    .map(
      ({ to, servers }) =>
        `UDP queries to ${to} are translated to one of ${servers.length} servers (${servers.join(", ")}). When A and AAAA are sent at once, each may be given another one, and an answer that takes longer than a second is lost: libc waits 5 s.`,
    )
    .join(" ");
}

function happened(counted: Risk["counted"]): string {
  if (counted === "lost")
    return "Connection tracking has dropped packets which began the same conversation as others (insert_failed).";
  if (counted === "met")
    return "Packets have begun the same conversation at once, and connection tracking got all of them through (clash_resolve).";
  return "";
}

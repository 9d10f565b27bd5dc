import { type Libc, type LookupFiles, type LookupResult, lookup, stubConf } from "./lookup.ts";
import { type Observed, replay } from "./replay.ts";
import { simulatedNetwork } from "./simulated-network.ts";
import type { LookupRequest } from "./stub.ts";
import { virtualClock } from "./virtual-clock.ts";

/** A change that would have made this lookup quicker, or successful, the servers being as they were. */
export interface Remedy {
  /** What to change, for people: `options timeout:1` in resolv.conf. */
  readonly change: string;
  readonly ms: number;
  readonly addresses: readonly string[];
  readonly error: LookupResult["error"];
}

/** One lookup that has been done. */
export interface Done {
  readonly request: LookupRequest;
  readonly libc: Libc;
  readonly files: LookupFiles;
  readonly recording: Observed;
  readonly localAddresses: readonly string[];
}

/**
 * Does the lookup again, for each change that resolv.conf or the program could make, against servers that behave as
 * they did; so what is said of a change is no rule of thumb. A change under which a server would be asked for something
 * it was not asked for in reality is left out. Best first.
 */
export async function remedies(done: Done): Promise<Remedy[]> {
  const found: Remedy[] = [];
  // Not the real one: what our own machine took for it is no matter of the servers.
  const before = await rehearse(done);
  if (before === undefined) return [];
  for (const { change, request, files } of candidates(done)) {
    const again = await rehearse({ ...done, request, files });
    if (again !== undefined && isBetter(again, before)) found.push({ change, ...again });
  }
  return found.sort((a, b) => Number(a.error !== null) - Number(b.error !== null) || a.ms - b.ms);
}

/** Beyond it, a lookup has no end. */
const END_MS = 600_000;

type Outcome = Omit<Remedy, "change">;

/** Undefined if it would be a guess. */
async function rehearse({
  request,
  libc,
  files,
  recording,
  localAddresses,
}: Done): Promise<Outcome | undefined> {
  const clock = virtualClock();
  const servers = replay(recording);
  let chance = 0;
  const environment = {
    clock,
    network: simulatedNetwork(clock, servers, localAddresses),
    random: () => chance++,
    sort: async (addresses: readonly string[]) => addresses,
  };
  const result = await clock.run(lookup(request, libc, files, environment), END_MS);
  if (servers.isGuess) return undefined;
  if (result === undefined) return { ms: END_MS, addresses: [], error: "STILL_WAITING" as const };
  const { ms, addresses, error } = result;
  return { ms: Math.round(ms), addresses, error };
}

/** A tenth of a second, and a fifth of the whole, are what somebody would change a file for. */
function isBetter(again: Outcome, before: Outcome): boolean {
  if (again.error !== null && before.error === null) return false;
  if (again.error === null && before.error !== null) return true;
  return again.ms < before.ms * 0.8 && again.ms < before.ms - 100;
}

interface Candidate {
  readonly change: string;
  readonly request: LookupRequest;
  readonly files: LookupFiles;
}

function candidates({ request, libc, files }: Done): Candidate[] {
  const conf = stubConf(libc, files);
  const options = (text: string): Candidate => ({
    change: `options ${text}`,
    request,
    files: { ...files, resolvConf: `${files.resolvConf}\noptions ${text}\n` },
  });
  const glibcOnly = ["single-request", "single-request-reopen", "no-aaaa"];
  const quicker =
    conf.timeoutS > 1 ? ["timeout:1", ...(libc === "glibc" ? ["timeout:1 single-request"] : [])] : [];
  const without = (address: string): Candidate => ({
    change: `no "nameserver ${address}"`,
    request,
    files: {
      ...files,
      resolvConf: files.resolvConf
        .split("\n")
        .filter((line) => !(line.startsWith("nameserver") && line.split(/\s+/)[1] === address))
        .join("\n"),
    },
  });
  return [
    ...[...quicker, ...(libc === "glibc" ? glibcOnly : ["attempts:5"])].map(options),
    ...(conf.ndots > 1 ? [options("ndots:1")] : []),
    ...(conf.nameservers.length > 1 ? conf.nameservers.map(without) : []),
    ...(request.name.endsWith(".")
      ? []
      : [
          {
            change: `a dot at the end of the name: ${request.name}.`,
            request: { ...request, name: `${request.name}.` },
            files,
          },
        ]),
    ...(request.family === "any"
      ? [
          {
            change: "the program asks for IPv4 only (AF_INET)",
            request: { ...request, family: "inet" as const },
            files,
          },
        ]
      : []),
  ];
}

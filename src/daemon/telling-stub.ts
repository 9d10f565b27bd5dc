import { glibcHosts, muslHosts } from "../libc/hosts.ts";
import { glibcConf, muslConf, type StubConf } from "../libc/stub-conf.ts";
import type { Container } from "../registry/model.ts";
import type { Trace } from "../resolver/trace.ts";
import type { StubFiles, stubFiles } from "../sandbox/stub-files.ts";
import { RrType } from "../wire/iana.ts";
import type { Question } from "../wire/message.ts";

/** The libc in a container, as far as it is known. */
export interface Stub {
  readonly conf: StubConf;
  readonly libc: "glibc" | "musl";
}

export type Files = (container: Container) => ReturnType<typeof stubFiles>;

/** What Docker writes into containers, but for the search list, which is the host's or the user's. */
const ASSUMED = "nameserver 127.0.0.11\noptions edns0 trust-ad ndots:0\n";
const OURS = "127.0.0.11";
/** Who wonders why a container is told something else is not to search for it here. */
const UNTIL_THEN =
  "Docker's resolver may answer otherwise: `eleven doctor` finds that as stale-alias or missing-alias";

/** Tells what the container's libc goes by before it asks anybody, and whether it is us that it asks. */
export function tellStub(options: {
  readonly container: Container;
  readonly question: Question;
  readonly trace: Trace;
  readonly files: Files;
  readonly isAttached: (key: string) => boolean;
}): Stub {
  const { container, question, trace } = options;
  const found = options.files(container);
  const files: Partial<StubFiles> = "resolvConf" in found ? found : {};
  const libc = files.libc ?? "glibc";
  const text = files.resolvConf ?? ASSUMED;
  const conf = libc === "musl" ? muslConf(text) : glibcConf(text, container.hostname ?? "");
  const { nameservers, search, ndots, flags, ignored } = conf;
  const source = "why" in found ? { why: found.why } : { from: found.from };
  trace.step(
    "stub",
    "why" in found ? "assumed: a resolv.conf as Docker writes it" : "goes by its resolv.conf",
    {
      ...source,
      libc: files.libc ?? "glibc (assumed)",
      nameservers,
      search,
      ndots,
      options: [...flags],
      ...(ignored.length > 0 && { ignored }),
    },
  );
  if (!nameservers.includes(OURS))
    trace.step("stub", `does not ask ${OURS}: what follows is what it would be told there`, { nameservers });
  else if (!options.isAttached(container.key)) {
    const remedy = `eleven attach ${container.name}`;
    trace.step("stub", `${OURS} is not ours: what follows is what it will be told when it is`, {
      remedy,
      untilThen: UNTIL_THEN,
    });
  }
  if (files.hosts !== undefined) tellHosts(files.hosts, libc, question, trace);
  return { conf, libc };
}

/** As getaddrinfo looks there first. */
function tellHosts(hosts: string, libc: Stub["libc"], { name, type }: Question, trace: Trace): void {
  const family = type === RrType.A ? "inet" : type === RrType.AAAA ? "inet6" : undefined;
  if (family === undefined) return;
  const { addresses } = (libc === "musl" ? muslHosts : glibcHosts)(hosts, name.replace(/\.$/, ""), family);
  if (addresses.length > 0)
    trace.step("stub", "has the name in /etc/hosts: getaddrinfo takes that, and asks nobody", { addresses });
}

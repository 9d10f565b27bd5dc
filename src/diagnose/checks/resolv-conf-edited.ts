import { isIPv4 } from "node:net";
import { parseResolvConf } from "../../base/resolv-conf.ts";
import type { Check, Found } from "../check.ts";
import type { Context } from "../context.ts";
import { type Stub, stubs } from "../stubs.ts";
import { together } from "../together.ts";

const EMBEDDED = "127.0.0.11";
/** Docker's own, of 26 and later. */
const DOCKERS_COMMENT = /^#.*(?:Docker Engine|Based on host file|ExtServers|Overrides:|Option ndots from)/;

/** Somebody is there to answer at 127.0.0.11, and the container's libc asks others, too, or only others. */
export const resolvConfEdited: Check = {
  code: "resolv-conf-edited",
  async run(context) {
    const found = stubs(context);
    if ("skipped" in found) return found;
    const expected = found.filter((stub) => isAnswered(context, stub));
    if (expected.length === 0) return { skipped: "no container is answered at 127.0.0.11" };
    const edited = expected.map(reading).filter(({ nameservers }) => nameservers.join() !== EMBEDDED);
    const groups = together(edited, {
      of: ({ container }) => container,
      evidence: ({ container, ...rest }) => rest,
    });
    return groups.map(({ first, subject, containers }) => finding(first, subject, containers));
  },
};

function isAnswered({ isAttached }: Context, { sandbox: { resolver, container } }: Stub): boolean {
  return resolver !== undefined || isAttached(container.key);
}

interface Reading {
  readonly container: string;
  readonly nameservers: readonly string[];
  /** The first comment, which often says who wrote the file. */
  readonly comment: string | null;
}

function reading({ sandbox: { container }, text }: Stub): Reading {
  const comment = text.split("\n").find((line) => /^[#;]/.test(line) && !DOCKERS_COMMENT.test(line));
  const nameservers = parseResolvConf(text).nameservers.map(({ address }) => address);
  return { container: container.name, nameservers, comment: comment ?? null };
}

function finding({ nameservers, comment }: Reading, subject: string, containers: readonly string[]): Found {
  const [first] = nameservers;
  return {
    ...judged(nameservers),
    subject,
    evidence: { containers, nameservers, comment },
    remedy:
      first !== undefined && isLoopback(first)
        ? "nothing, if that is meant; that program has to pass names of containers on to 127.0.0.11"
        : "restart the container, and Docker writes the file anew; keep DHCP clients and VPNs in there from writing it, and set other servers with `--dns`",
  };
}

function judged(nameservers: readonly string[]): Pick<Found, "severity" | "text"> {
  const [first] = nameservers;
  const others = nameservers.filter((address) => address !== EMBEDDED);
  if (first !== undefined && isLoopback(first)) {
    const text = `/etc/resolv.conf names ${first}, a program in the container, before or in the place of ${EMBEDDED}: whether names of containers are found is up to it.`;
    return { severity: "info", text };
  }
  if (first === EMBEDDED) {
    const text = `/etc/resolv.conf names ${others.join(", ")} besides ${EMBEDDED}. Who asks them, when an answer is late, is told that containers do not exist; musl asks all at once.`;
    return { severity: "warning", text };
  }
  const asked = first === undefined ? "names no server" : `has ${others.join(", ")} asked`;
  const text = nameservers.includes(EMBEDDED)
    ? `/etc/resolv.conf ${asked} before ${EMBEDDED}: a server that says that a name does not exist is believed, so no name of a container is found.`
    : `/etc/resolv.conf ${asked}, and not ${EMBEDDED}: no name of a container is found in there.`;
  return { severity: "error", text };
}

function isLoopback(address: string): boolean {
  return address !== EMBEDDED && (address === "::1" || (isIPv4(address) && address.startsWith("127.")));
}

import { formatServer } from "../../base/server-address.ts";
import type { Check } from "../check.ts";
import { probes } from "../probes.ts";
import { listed } from "../together.ts";

/** A server answers A, and never AAAA: libc waits five seconds for the other half of each name. */
export const upstreamDropsAaaa: Check = {
  code: "upstream-drops-aaaa",
  async run(context) {
    const all = await probes(context);
    const dropping = all.filter(({ dropsAaaaOf }) => dropsAaaaOf !== undefined);
    return dropping.map(({ server, users, sandbox, dropsAaaaOf }) => {
      const address = formatServer(server);
      const from = sandbox === undefined ? "the host" : sandbox.container.name;
      return {
        severity: "warning",
        subject: address,
        text: `${address}, asked from ${from} for ${listed(users)}, answers A and is silent on AAAA: getaddrinfo of glibc waits 5 s for that at every name, unless something answers in its place, as eleven does.`,
        evidence: { server: address, askedFrom: from, name: dropsAaaaOf, users },
        remedy: `let AAAA through to ${address} (a firewall, or a load balancer that knows A only, drops it); until then \`eleven attach\` the containers, or \`ipv6: off\` in eleven.yaml, or \`options single-request\` with a short timeout`,
      };
    });
  },
};

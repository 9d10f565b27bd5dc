import { formatServer } from "../../base/server-address.ts";
import type { Check } from "../check.ts";
import { entered } from "../context.ts";
import { probes } from "../probes.ts";
import { isLoopback } from "../servers.ts";
import { listed } from "../together.ts";

/** A container is told to ask a loopback address, which in a container is the container itself, and nobody is there. */
export const loopbackUpstream: Check = {
  code: "loopback-upstream",
  async run(context) {
    const sandboxes = entered(context);
    if ("skipped" in sandboxes) return sandboxes;
    const all = await probes(context);
    const found = all.filter(
      ({ server, sandbox, dead }) => sandbox !== undefined && isLoopback(server) && dead !== undefined,
    );
    return found.map(({ server, users, dead }) => {
      const address = formatServer(server);
      return {
        severity: "error",
        subject: users[0]!,
        text: `${listed(users)} is told to ask ${address}, which is the container's own loopback and not the host's, and nobody answers there: ${dead}.`,
        evidence: { server: address, containers: users, why: dead },
        remedy: `give the container an address that it reaches (\`--dns\`), or none, so that the host's servers are asked from the host; or start the resolver that is meant to listen in it`,
      };
    });
  },
};

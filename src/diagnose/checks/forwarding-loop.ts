import { formatServer } from "../../base/server-address.ts";
import type { Check } from "../check.ts";
import { askedServers } from "../servers.ts";
import { listed } from "../together.ts";

/** A server that is asked for what we don't know asks us for it. */
export const forwardingLoop: Check = {
  code: "forwarding-loop",
  async run(context) {
    const tested = await Promise.all(
      (await askedServers(context)).map(async (asked) => ({
        ...asked,
        isLoop: await context.leadsBack(asked),
      })),
    );
    return tested
      .filter(({ isLoop }) => isLoop)
      .map(({ server, users, sandbox }) => {
        const address = formatServer(server);
        const from = sandbox === undefined ? "the host" : sandbox.container.name;
        return {
          severity: "error",
          subject: address,
          text: `${address}, asked from ${from} for ${listed(users)}, leads back to eleven: a name that only this way knows would go round for ever. eleven does not ask it.`,
          evidence: { server: address, askedFrom: from, users },
          remedy:
            "name the servers that are to be asked under `upstreams:` in eleven.yaml, or take eleven's address out of what this server asks (the host's resolv.conf, or DNS= of systemd-resolved)",
        };
      });
  },
};

import { formatServer } from "../../base/server-address.ts";
import type { Check, Found } from "../check.ts";
import { type Probe, probes } from "../probes.ts";
import { isLoopback, US } from "../servers.ts";
import { listed } from "../together.ts";
import { onFallback } from "./public-fallback.ts";

/** A server that somebody asks answers nothing at all. */
export const upstreamDead: Check = {
  code: "upstream-dead",
  async run(context) {
    const all = await probes(context);
    const fallback = context.host.servers.length > 0 ? [] : await onFallback(context);
    return all
      .filter(({ dead }) => dead !== undefined)
      .filter(({ server, sandbox }) => {
        // Those are findings of their own: loopback-upstream, public-fallback.
        const isFallback = fallback.some((told) => told.server.address === server.address);
        return !isFallback && !(isLoopback(server) && sandbox !== undefined);
      })
      .map((probe) => finding(probe, all));
  },
};

function finding({ server, dead, users, sandbox }: Probe, all: readonly Probe[]): Found {
  const isElse = (user: string) =>
    all.some((other) => other.dead === undefined && other.users.includes(user));
  const stranded = users.filter((user) => !isElse(user));
  const from = sandbox === undefined ? "the host" : sandbox.container.name;
  const address = formatServer(server);
  const others = users.filter((user) => user !== US);
  return {
    severity: stranded.length > 0 ? "error" : "warning",
    subject: address,
    text: `${address}, asked from ${from} for ${listed(users)}, answers nothing: ${dead}. ${
      stranded.length > 0
        ? `${listed(stranded)} ${stranded.length === 1 ? "has" : "have"} no other server that answers.`
        : others.length > 0
          ? "Docker's resolver waits 4 s for it at every question, if it comes first."
          : "The other servers answer; eleven asks them instead."
    }`,
    evidence: { server: address, askedFrom: from, why: dead, users, stranded },
    remedy: `bring ${address} back, or take it out of the resolv.conf (\`--dns\`, \`upstreams:\`) that names it`,
  };
}

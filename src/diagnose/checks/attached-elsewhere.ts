import { closeSync } from "node:fs";
import { netfilterSocket } from "../../linux/netlink.ts";
import { rulePlaces } from "../../linux/nftables-rules.ts";
import { portHolder } from "../../linux/port-holder.ts";
import { TABLE_NAME } from "../../sandbox/takeover-table.ts";
import type { Check, Found } from "../check.ts";
import { type Context, entered } from "../context.ts";
import type { Sandbox } from "../sandbox.ts";

const EMBEDDED = { address: "127.0.0.11", port: 53 };
/** 127.0.0.11:53 and its state, as /proc/net/udp has them. */
const BOUND = /^\s*\d+: 0B00007F:0035 \S+ 07 /m;

/** Somebody who is neither the engine nor we sits at the very 127.0.0.11:53 of a container. */
export const attachedElsewhere: Check = {
  code: "attached-elsewhere",
  async run(context) {
    const sandboxes = entered(context);
    if ("skipped" in sandboxes) return sandboxes;
    return sandboxes.flatMap((sandbox) => foundIn(context, sandbox));
  },
};

function foundIn({ isAttached }: Context, sandbox: Sandbox): Found[] {
  const { container, namespace, resolver } = sandbox;
  if (isAttached(container.key) || !BOUND.test(sandbox.net("udp"))) return [];
  const isEleven = hasTable(sandbox);
  const holder = portHolder(namespace, EMBEDDED);
  const who = isEleven ? "another eleven" : (holder ?? "a process outside of it");
  const answers = isEleven || resolver === undefined;
  return [
    {
      severity: isEleven ? "warning" : "info",
      subject: container.name,
      text: `127.0.0.11:53 in ${container.name} is held by ${who}, which ${answers ? "answers there in our place" : "nobody reaches, since the Docker engine's rules come before it"}. What \`eleven query --from ${container.name}\` says is not what the container is told, and attach can't take it over.`,
      evidence: { container: container.name, holder: holder ?? null, elevenTable: isEleven },
      remedy: isEleven
        ? `end the other daemon, or \`eleven --socket ITS_SOCKET detach ${container.name}\`; of two that attach the same container, the first has it`
        : "nothing, if that is meant; else end that program, and attach",
    },
  ];
}

function hasTable({ namespace }: Sandbox): boolean {
  const netlink = netfilterSocket(namespace);
  try {
    return rulePlaces(netlink).some(({ table }) => table === TABLE_NAME);
  } finally {
    closeSync(netlink);
  }
}

import { closeSync } from "node:fs";
import { netfilterSocket } from "../../linux/netlink.ts";
import { type RulePlace, rulePlaces } from "../../linux/nftables-rules.ts";
import { foldedName } from "../../registry/folded-name.ts";
import { RrType } from "../../wire/iana.ts";
import { attachCommand } from "../attach-command.ts";
import type { Check, Found } from "../check.ts";
import type { Context } from "../context.ts";
import { engineLiveness } from "../engine-liveness.ts";
import type { EngineResolver } from "../engine-resolver.ts";
import type { Sandbox } from "../sandbox.ts";
import { type Group, together } from "../together.ts";
import { withResolvers } from "../with-resolvers.ts";

const EMBEDDED = { address: "127.0.0.11", port: 53 };

/** The engine's resolver works, and 127.0.0.11:53 does not lead to it: its NAT rules are gone. */
export const natRulesFlushed: Check = {
  code: "nat-rules-flushed",
  run: (context) =>
    withResolvers(context, async () => {
      const found = await Promise.all(
        context.sandboxes.open.map(({ resolver, ...sandbox }) =>
          resolver === undefined ? [] : examine(context, { ...sandbox, resolver }),
        ),
      );
      const groups = together(found.flat(), {
        of: ({ sandbox }) => sandbox.container.name,
        evidence: ({ sandbox: _, ...rest }) => rest,
      });
      return groups.map(finding);
    }),
};

type Resolving = Sandbox & { readonly resolver: EngineResolver };

interface Broken {
  readonly sandbox: Resolving;
  /** How many rules of the engine's there are. */
  readonly rules: number | undefined;
  readonly why: string;
  readonly isOurs: boolean;
}

async function examine(context: Context, sandbox: Resolving): Promise<Broken[]> {
  const rules = engineRules(sandbox);
  if (context.isAttached(sandbox.container.key))
    return rules === 0 ? [{ sandbox, rules, why: "not asked, since it is ours", isOurs: true }] : [];
  // Any answer will do, and a name of its own can be answered without anybody's help.
  const question = {
    dialer: sandbox.dialer,
    name: foldedName(sandbox.container.name) ?? "localhost.",
    type: RrType.A,
  };
  // A resolver that is silent by itself is another finding.
  if (!(await engineLiveness(context)).isLive(sandbox.container.key)) return [];
  const through = await context.ask({ ...question, server: EMBEDDED });
  if (through.message !== undefined) return [];
  return [{ sandbox, rules, why: through.why, isOurs: false }];
}

/** How many there are of the engine's own: nftables', and those of iptables-nft. Undefined if that can't be told. */
function engineRules({ namespace, net }: Resolving): number | undefined {
  let netlink: number | undefined;
  try {
    // What iptables-legacy has made is not listed there.
    if (/^nat$/m.test(net("ip_tables_names"))) return undefined;
  } catch {
    // The kernel has no legacy tables.
  }
  try {
    netlink = netfilterSocket(namespace);
    return rulePlaces(netlink).filter(isEngines).length;
  } catch {
    return undefined;
  } finally {
    if (netlink !== undefined) closeSync(netlink);
  }
}

function isEngines({ table, chain }: RulePlace): boolean {
  return table === "docker-dns" || chain === "DOCKER_OUTPUT" || chain === "DOCKER_POSTROUTING";
}

function finding({ first, subject, containers }: Group<Broken>): Found {
  const { sandbox, rules, why, isOurs } = first;
  const cause =
    rules === 0
      ? "its NAT rules are gone, as after a firewall script with `iptables -t nat -F` or `nft flush ruleset`"
      : "its NAT rules do not lead there, or a firewall in the container is before them";
  return {
    severity: isOurs ? "warning" : "error",
    subject,
    text: isOurs
      ? `127.0.0.11:53 of ${subject} is ours; the Docker engine would not get it back: ${cause}.`
      : `127.0.0.11:53 of ${subject} reaches nobody, while the Docker engine's resolver does answer on its own port: ${cause}. No name can be resolved in there.`,
    evidence: { containers, resolverPort: sandbox.resolver.server.port, engineRules: rules ?? null, why },
    remedy: isOurs
      ? `restart the container before you detach it, and Docker writes the rules anew`
      : `${attachCommand(containers)} needs none of these rules; or restart the container, and Docker writes them anew. Keep firewall scripts in there from flushing the nat table`,
  };
}

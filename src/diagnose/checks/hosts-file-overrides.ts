import { isIP, isIPv4 } from "node:net";
import { canonicalAddress } from "../../base/address.ts";
import { linesOf } from "../../libc/hosts.ts";
import { foldedName } from "../../registry/folded-name.ts";
import { lookup } from "../../registry/lookup.ts";
import type { Check, Found } from "../check.ts";
import { type Context, entered } from "../context.ts";
import type { Sandbox } from "../sandbox.ts";
import { type Group, listed, together } from "../together.ts";

/** A container's /etc/hosts has another address for a name than the registry, and libc believes that first. */
export const hostsFileOverrides: Check = {
  code: "hosts-file-overrides",
  async run(context) {
    const sandboxes = entered(context);
    if ("skipped" in sandboxes) return sandboxes;
    const read = sandboxes.flatMap((sandbox) => {
      const text = sandbox.files?.read("/etc/hosts");
      return text === undefined ? [] : [{ sandbox, text }];
    });
    if (read.length === 0) return { skipped: "no process is seen that reads a container's /etc/hosts" };
    const all = read.flatMap(({ sandbox, text }) =>
      contradictions(context, sandbox, text).map((each) => ({ sandbox, each })),
    );
    const groups = together(all, {
      of: ({ sandbox }) => sandbox.container.name,
      evidence: ({ each }) => each,
    });
    return groups.map((group) => finding(context, group));
  },
};

interface Contradiction {
  /** As in the file. */
  readonly name: string;
  readonly address: string;
  /** What it would be, of the same family. */
  readonly registered: readonly string[];
  readonly owners: readonly string[];
}

function contradictions({ registry }: Context, { container }: Sandbox, text: string): Contradiction[] {
  const view = registry.view(container.key);
  return linesOf(text).flatMap(({ address: written, names }) => {
    const family = isIP(written);
    if (family === 0) return [];
    const address = canonicalAddress(written);
    return names.flatMap((name) => {
      const folded = foldedName(name);
      const match = folded === undefined ? undefined : lookup(registry.index, view, folded);
      const registered = match?.addresses.filter((each) => isIPv4(each) === isIPv4(address)) ?? [];
      if (match === undefined || registered.length === 0) return [];
      // Docker writes a container's own name with its address on each of its networks.
      const holders = match.owners.flatMap(({ sandbox }) => registry.container(sandbox) ?? []);
      const theirs = holders.flatMap(({ endpoints }) => endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
      if (theirs.includes(address)) return [];
      return [{ name, address, registered, owners: match.owners.map((owner) => owner.container) }];
    });
  });
}

function finding(
  { registry }: Context,
  { first, subject, containers }: Group<{ sandbox: Sandbox; each: Contradiction }>,
): Found {
  const { name, address, registered, owners } = first.each;
  const key = registry.sandboxByAddress(address);
  const other = key === undefined ? undefined : registry.container(key)?.name;
  const whose = other === undefined ? "which no container has" : `which is ${other}'s`;
  const writtenAt = first.sandbox.files?.writtenAt("/etc/hosts");
  return {
    severity: "warning",
    subject: `${name} in ${subject}`,
    text: `/etc/hosts of ${subject} has ${address} for "${name}", ${whose}; the name belongs to ${listed(owners)}, at ${listed(registered)}. libc reads the file first, so programs in there never see a change of the name.`,
    evidence: {
      containers,
      name,
      hosts: address,
      hostsIsOf: other ?? null,
      registry: registered,
      owners,
      writtenAt: writtenAt === undefined ? null : new Date(writtenAt).toISOString(),
    },
    remedy: `take the entry out of the file, and \`--add-host ${name}:${address}\` (Compose: \`extra_hosts\`) or \`--link\` out of how the container is made; 127.0.0.11 has the name`,
  };
}

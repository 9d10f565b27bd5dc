import { attachCommand } from "../attach-command.ts";
import type { Binding } from "../bindings.ts";
import type { Check, Found, Outcome } from "../check.ts";
import type { Context } from "../context.ts";
import { engineAnswers } from "../engine-answers.ts";
import type { Judgement } from "../judge.ts";
import { withResolvers } from "../with-resolvers.ts";

/** The engine's resolver answers with an address that nobody holds under that name any more. */
export const staleAlias: Check = {
  code: "stale-alias",
  run: (context) =>
    withResolvers(context, async (): Promise<Outcome> => {
      const { judgements } = await engineAnswers(context);
      const seen = new Map<string, { binding: Binding; address: string; by: Judgement[] }>();
      for (const judgement of judgements) {
        for (const { address, binding } of judgement.stale) {
          const key = `${binding.network}\0${binding.name}\0${address}`;
          const entry = seen.get(key) ?? { binding, address, by: [] };
          entry.by.push(judgement);
          seen.set(key, entry);
        }
      }
      return [...seen.values()].map(({ binding, address, by }) => finding(context, binding, address, by));
    }),
};

function finding(context: Context, binding: Binding, address: string, by: readonly Judgement[]): Found {
  const { registry, isAttached } = context;
  const { network, records } = binding;
  const name = binding.name.slice(0, -1);
  const holders = records.filter(({ addresses }) => addresses.length > 0);
  const last = binding.past.findLast((entry) => entry.address === address);
  const now = registry
    .records({ network })
    .find(({ addresses, kind }) => kind !== "link" && addresses.includes(address));
  const seenIn = [...new Set(by.map(({ answer }) => answer.sandbox.container))];
  const exposed = seenIn.filter(({ key }) => !isAttached(key));
  const host = records[0]?.host ?? registry.records()[0]?.host ?? null;
  const rightful =
    holders.length === 0
      ? "nobody"
      : holders.map(({ container, addresses }) => `${container} (${addresses.join(", ")})`).join(", ");
  const whose =
    last === undefined
      ? "; eleven did not see who bound it there"
      : `; ${last.container} held it there ${last.action === "removed" ? `until ${last.at} (${last.cause})` : `since ${last.at}`}`;
  return {
    severity: exposed.length > 0 ? "error" : "warning",
    subject: `${name} in network ${network}`,
    text: `The Docker engine${host === null ? "" : ` on ${host}`} answers ${name} with ${address}, though ${rightful} has that name${holders.length > 0 ? " alone" : " now"}${whose}.`,
    evidence: {
      host,
      network,
      name,
      address,
      answered: by[0]!.answer.addresses,
      attached: holders.map(({ container, addresses, since }) => ({ container, addresses, since })),
      lastHolder:
        last === undefined
          ? null
          : { container: last.container, action: last.action, at: last.at, cause: last.cause },
      heldNowBy: now?.container ?? null,
      seenIn: seenIn.map((container) => container.name),
    },
    remedy:
      exposed.length > 0
        ? `${attachCommand(exposed.map((container) => container.name))} gives these containers the right answer at once; the engine itself forgets the address only when dockerd is restarted`
        : "the containers get eleven's answers and are not affected; restart dockerd when it suits you, before you detach them",
  };
}

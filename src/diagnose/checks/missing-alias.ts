import { attachCommand } from "../attach-command.ts";
import type { Binding } from "../bindings.ts";
import type { Check, Found, Outcome } from "../check.ts";
import type { Context } from "../context.ts";
import { engineAnswers } from "../engine-answers.ts";
import type { Judgement } from "../judge.ts";
import { withResolvers } from "../with-resolvers.ts";

/** The engine's resolver does not know a name, or not all of its addresses, though the engine's API says who has it. */
export const missingAlias: Check = {
  code: "missing-alias",
  run: (context) =>
    withResolvers(context, async (): Promise<Outcome> => {
      const { judgements } = await engineAnswers(context);
      const seen = new Map<Binding, Judgement[]>();
      for (const judgement of judgements) {
        for (const binding of judgement.missing) seen.set(binding, [...(seen.get(binding) ?? []), judgement]);
      }
      return [...seen].map(([binding, by]) => finding(context, binding, by));
    }),
};

function finding(
  { isAttached }: Context,
  { network, name, records }: Binding,
  by: readonly Judgement[],
): Found {
  const { addresses, exists } = by[0]!.answer;
  const text = name.slice(0, -1);
  const holders = records.filter((record) => record.addresses.length > 0);
  const seenIn = [...new Set(by.map(({ answer }) => answer.sandbox.container))];
  const exposed = seenIn.filter(({ key }) => !isAttached(key));
  const said = exists
    ? addresses.length > 0
      ? addresses.join(", ")
      : "no address"
    : "that there is no such name";
  return {
    severity: exposed.length > 0 ? "error" : "warning",
    subject: `${text} in network ${network}`,
    text: `The Docker engine answers ${text} with ${said}, though ${holders
      .map((record) => `${record.container} (${record.addresses.join(", ")})`)
      .join(" and ")} ${holders.length === 1 ? "has" : "have"} that name.`,
    evidence: {
      host: records[0]?.host ?? null,
      network,
      name: text,
      answered: addresses,
      attached: holders.map(({ container, addresses, since }) => ({ container, addresses, since })),
      seenIn: seenIn.map((container) => container.name),
    },
    remedy:
      exposed.length > 0
        ? `${attachCommand(exposed.map((container) => container.name))} gives these containers the right answer at once; in the engine itself, disconnect ${holders.map(({ container }) => container).join(", ")} from ${network} and connect again, or restart dockerd`
        : "the containers get eleven's answers and are not affected; reconnect the container to the network, or restart dockerd, before you detach them",
  };
}

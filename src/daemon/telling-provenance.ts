import { canonicalAddress } from "../base/address.ts";
import type { Container } from "../registry/model.ts";
import { provenance } from "../registry/provenance.ts";
import type { Registry } from "../registry/registry.ts";
import type { Answer } from "../resolver/resolver.ts";
import type { Trace } from "../resolver/trace.ts";
import type { Question } from "../wire/message.ts";
import { addressFromReverse } from "../wire/name.ts";

const who = "provenance";

/** Of addresses in one answer: all of them are in `eleven records`. */
const MAX_ADDRESSES = 16;

/**
 * Tells of each address in the answer (of a reverse question, of the address asked for) whose it is, under which names,
 * since when and why; then what was taken from the name asked for, and where it is known beyond the view.
 */
export function tellProvenance(
  registry: Registry,
  question: Question,
  answer: Answer,
  container: Container | undefined,
  trace: Trace,
): void {
  const told = provenance(registry);
  const reversed = addressFromReverse(question.name);
  const addresses = reversed === undefined ? addressesOf(answer) : [canonicalAddress(reversed)];
  for (const each of addresses.slice(0, MAX_ADDRESSES)) {
    const { address, owners, names, removed } = told.ofAddress(each);
    const whose = [...new Set(owners.map((owner) => owner.container))].join(" and ") || "no container";
    trace.step(who, `${address} belongs to ${whose}`, { address, owners, names, removed });
  }
  const rest = addresses.slice(MAX_ADDRESSES);
  if (rest.length > 0) trace.step(who, "more addresses", { addresses: rest });
  if (reversed !== undefined) return;

  const name = question.name.replace(/\.$/, "");
  const view = registry.view(container?.key);
  const visible = view === "host" ? "all" : view.map(({ network }) => network);
  const removed = told.removedFrom(name, visible);
  if (removed.length > 0) trace.step(who, "no longer under this name", { removed });
  if (visible === "all") return;
  const elsewhere = registry
    .records({ name })
    .filter(({ network, kind }) => kind !== "link" && !visible.includes(network))
    .map(({ network, kind, addresses: there, container: owner }) => {
      return { network, kind, container: owner, addresses: there };
    });
  if (elsewhere.length > 0)
    trace.step(who, `known in networks that ${container?.name} is not attached to`, { elsewhere });
}

function addressesOf({ answers }: Answer): string[] {
  const all = answers.flatMap(({ data }) =>
    data.kind === "A" || data.kind === "AAAA" ? [canonicalAddress(data.address)] : [],
  );
  return [...new Set(all)];
}

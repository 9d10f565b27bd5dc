import { isIpv6 } from "../registry/order.ts";
import { RrType } from "../wire/iana.ts";
import { addressesOf, type Binding, type Bindings } from "./bindings.ts";
import type { EngineAnswer } from "./engine-answers.ts";
import { networksOf } from "./engine-questions.ts";

/** What is wrong with one answer of the engine's. */
export interface Judgement {
  readonly answer: EngineAnswer;
  /** Answered though nobody holds it: each with the binding that it is under. */
  readonly stale: readonly { readonly address: string; readonly binding: Binding }[];
  /** Bindings whose addresses it should have, of which it has none whole. */
  readonly missing: readonly Binding[];
}

/**
 * Compares an answer with the bindings of the container's networks; undefined if nothing is wrong. The engine answers
 * from the first network that knows the name, and which is first is not held against it: it has to be one of them.
 */
export function judge(answer: EngineAnswer, bindings: Bindings): Judgement | undefined {
  const { addresses, sandbox, name, type } = answer;
  const isWanted = (address: string) => isIpv6(address) === (type === RrType.AAAA);
  const here = networksOf(sandbox).flatMap((network) => bindings.get(network)?.get(name) ?? []);
  const held = new Set(here.flatMap((binding) => addressesOf(binding, isWanted)));
  const stale = addresses
    .filter((address) => !held.has(address))
    .flatMap((address) => {
      const binding = underWhich(address, here);
      const isKnownPast = binding?.past.some((entry) => entry.address === address) === true;
      const isMixed = addresses.some((other) => held.has(other));
      // Else it is what an upstream said of a name that the engine does not know.
      return binding !== undefined && (isKnownPast || isMixed || answer.isOwn) ? [{ address, binding }] : [];
    });
  const due = here.filter((binding) => isDue(binding, sandbox.container.key));
  const isWhole = due.some((binding) => {
    const wanted = addressesOf(binding, isWanted);
    return answer.exists && wanted.every((address) => addresses.includes(address));
  });
  const missing =
    due.length === 0 || isWhole ? [] : due.filter((binding) => addressesOf(binding, isWanted).length > 0);
  return stale.length + missing.length > 0 ? { answer, stale, missing } : undefined;
}

/** The binding that once had the address, else any. */
function underWhich(address: string, here: readonly Binding[]): Binding | undefined {
  return here.find(({ past }) => past.some((entry) => entry.address === address)) ?? here[0];
}

/**
 * Whether the container's engine should know the name: somebody of the same source who runs has it, and not by its
 * hostname alone, which engines before 20.10 don't register.
 */
function isDue({ records }: Binding, key: string): boolean {
  return records.some(
    ({ kind, addresses, source }) =>
      kind !== "hostname" && addresses.length > 0 && key.startsWith(`${source}/`),
  );
}

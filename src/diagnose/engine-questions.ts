import { isIpv6 } from "../registry/order.ts";
import { RrType } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import type { Bindings } from "./bindings.ts";
import type { Sandbox } from "./sandbox.ts";

/** One name to be asked of the engine's resolver in one container. */
export interface EngineQuestion {
  readonly sandbox: Sandbox;
  readonly name: Name;
  readonly type: number;
}

/**
 * So many fit the doctor's time. The records of a network are the same for all containers of one engine, so where
 * there are more questions, each name is asked in some of them, in turn.
 */
const MAX_QUESTIONS = 5000;
/** Names that nobody has any more, of one network: the engine sends most of them on to its upstreams. */
const MAX_FORMER = 50;

/** Each name that the networks of these containers know, or knew, in these containers. */
export function engineQuestions(
  bindings: Bindings,
  sandboxes: readonly Sandbox[],
  max = MAX_QUESTIONS,
): EngineQuestion[] {
  const members = new Map<string, Sandbox[]>();
  for (const sandbox of sandboxes) {
    for (const network of networksOf(sandbox))
      members.set(network, [...(members.get(network) ?? []), sandbox]);
  }
  const names = [...members].flatMap(([network, inside]) => {
    const types = hasIpv6(inside, network) ? [RrType.A, RrType.AAAA] : [RrType.A];
    return namesOf(bindings, network).flatMap(({ name, isFormer }) =>
      types.map((type) => ({ name, type, inside, isFormer })),
    );
  });
  const share = Math.max(1, Math.floor(max / Math.max(1, names.length)));
  const questions = names.flatMap(({ name, type, inside, isFormer }, index) => {
    const times = isFormer ? 1 : Math.min(share, inside.length);
    return Array.from({ length: times }, (_, turn): EngineQuestion => {
      return { sandbox: inside[(index + turn) % inside.length]!, name, type };
    });
  });
  // One name may be in several networks of a container.
  return [
    ...new Map(
      questions.map((each) => [`${each.sandbox.container.key} ${each.type} ${each.name}`, each]),
    ).values(),
  ];
}

/** Those in which the container finds names. */
export function networksOf({ container }: Sandbox): string[] {
  return container.endpoints.filter(({ nameless }) => nameless !== true).map(({ network }) => network);
}

function namesOf(bindings: Bindings, network: string): { name: Name; isFormer: boolean }[] {
  const all = [...(bindings.get(network)?.values() ?? [])];
  const now = all.filter(({ records }) => records.length > 0);
  const former = all.filter(({ records }) => records.length === 0).slice(-MAX_FORMER);
  return [
    ...now.map(({ name }) => ({ name, isFormer: false })),
    ...former.map(({ name }) => ({ name, isFormer: true })),
  ];
}

function hasIpv6(sandboxes: readonly Sandbox[], network: string): boolean {
  return sandboxes.some(({ container }) =>
    container.endpoints.some(
      (each) => each.network === network && each.ipv6 !== undefined && isIpv6(each.ipv6),
    ),
  );
}

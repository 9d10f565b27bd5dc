import type { Policy } from "../base/policy.ts";
import type { Contender } from "./contender.ts";
import type { Health } from "./health.ts";

/** Best first: those that are down come last, and before them those that are known to be silent on this question. */
export function inOrder(
  contenders: readonly Contender[],
  { policy, health, random = Math.random }: { policy: Policy; health: Health; random?: () => number },
): readonly Contender[] {
  if (contenders.length === 1) return contenders;
  const worth = new Map(contenders.map((each) => [each, worthOf(each)]));
  // Stable: what is worth the same stays as in the list.
  return [...contenders].sort((a, b) => rank(a) - rank(b) || worth.get(a)! - worth.get(b)!);

  function worthOf({ key, isSilent }: Contender): number {
    // Whichever comes first is listened to, whether it is silent still: so each is at some time.
    if (policy === "random" || isSilent) return random();
    return policy === "ordered" ? 0 : (health.of(key).srttMs ?? Number.MAX_VALUE);
  }
}

function rank({ isDown, isSilent }: Contender): number {
  return isDown ? 2 : isSilent ? 1 : 0;
}

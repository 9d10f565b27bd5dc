import type { Check } from "./check.ts";
import { attachedElsewhere } from "./checks/attached-elsewhere.ts";
import { conntrackRaceRisk } from "./checks/conntrack-race-risk.ts";
import { engineResolverSilent } from "./checks/engine-resolver-silent.ts";
import { forwardingLoop } from "./checks/forwarding-loop.ts";
import { hostsFileOverrides } from "./checks/hosts-file-overrides.ts";
import { loopbackUpstream } from "./checks/loopback-upstream.ts";
import { missingAlias } from "./checks/missing-alias.ts";
import { muslAndSingleRequest } from "./checks/musl-and-single-request.ts";
import { nameCollision } from "./checks/name-collision.ts";
import { nameShadowsDomain } from "./checks/name-shadows-domain.ts";
import { natRulesFlushed } from "./checks/nat-rules-flushed.ts";
import { ndotsAmplification } from "./checks/ndots-amplification.ts";
import { noUpstream } from "./checks/no-upstream.ts";
import { publicFallback } from "./checks/public-fallback.ts";
import { resolvConfEdited } from "./checks/resolv-conf-edited.ts";
import { searchListLong } from "./checks/search-list-long.ts";
import { staleAlias } from "./checks/stale-alias.ts";
import { staleConntrack } from "./checks/stale-conntrack.ts";
import { upstreamDead } from "./checks/upstream-dead.ts";
import { upstreamDropsAaaa } from "./checks/upstream-drops-aaaa.ts";
import { upstreamFrozen } from "./checks/upstream-frozen.ts";

/** Every check, in the order in which findings are told: wrong answers first, then none, then slow ones. */
export const checks: readonly Check[] = [
  staleAlias,
  missingAlias,
  nameCollision,
  hostsFileOverrides,
  nameShadowsDomain,
  engineResolverSilent,
  natRulesFlushed,
  resolvConfEdited,
  attachedElsewhere,
  staleConntrack,
  noUpstream,
  forwardingLoop,
  upstreamDead,
  loopbackUpstream,
  publicFallback,
  upstreamFrozen,
  upstreamDropsAaaa,
  conntrackRaceRisk,
  ndotsAmplification,
  searchListLong,
  muslAndSingleRequest,
];

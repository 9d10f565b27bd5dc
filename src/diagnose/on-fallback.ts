import type { Context } from "./context.ts";
import { followsHost, type OwnServers } from "./own-servers.ts";
import { DOCKERS_IPV4, PUBLIC_SERVERS } from "./public-servers.ts";

/**
 * Whether a container asks Google's servers because Docker found nobody else when it started. Docker puts in all of
 * them then, and nobody beside them: any other list is what somebody wrote into the host's file one day.
 */
export function isOnFallback({ host, config }: Pick<Context, "host" | "config">, own: OwnServers): boolean {
  const addresses = own.servers.map(({ address }) => address);
  if (!followsHost(own.sandbox) || !addresses.every(isPublic)) return false;
  // Where the site names one of them itself, they are no surprise.
  const named = [...host.servers, ...(config.upstreams === "host" ? [] : config.upstreams)];
  if (named.some(({ address }) => isPublic(address))) return false;
  // One question shows no server after the first that answers; where the host names nobody, the rest are Docker's.
  const isBeginning = own.by === "seen" && host.servers.length === 0;
  return isBeginning || DOCKERS_IPV4.every((address) => addresses.includes(address));
}

function isPublic(address: string): boolean {
  return PUBLIC_SERVERS.includes(address);
}

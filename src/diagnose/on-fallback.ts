import type { Context } from "./context.ts";
import { followsHost, type OwnServers } from "./own-servers.ts";
import { DOCKERS_IPV4, PUBLIC_SERVERS } from "./public-servers.ts";

/**
 * Whether a container asks Google's servers because Docker found nobody else when it started. Docker puts in all of
 * them then, and nobody beside them: any other list is what somebody wrote into the host's file one day.
 *
 * `maybe`: only the first was seen to be asked. One question shows no server after one that answers, or is waited for,
 * so that the others may be Docker's, or whom the host's file named besides.
 */
export function isOnFallback(
  { host, config }: Pick<Context, "host" | "config">,
  own: OwnServers,
): "yes" | "maybe" | "no" {
  const addresses = own.servers.map(({ address }) => address);
  if (!followsHost(own.sandbox) || !addresses.every(isPublic)) return "no";
  // Where the site names one of them itself, they are no surprise.
  const named = [...host.servers, ...(config.upstreams === "host" ? [] : config.upstreams)];
  if (named.some(({ address }) => isPublic(address))) return "no";
  if (DOCKERS_IPV4.every((address) => addresses.includes(address))) return "yes";
  if (own.by !== "seen" || addresses[0] !== DOCKERS_IPV4[0]) return "no";
  return host.servers.length === 0 ? "yes" : "maybe";
}

function isPublic(address: string): boolean {
  return PUBLIC_SERVERS.includes(address);
}

import type { ServerAddress } from "../base/server-address.ts";

/** The Docker engine's own resolver in one namespace, by its real ports: whoever has 127.0.0.11:53, they stay its own. */
export interface EngineResolver {
  readonly server: ServerAddress;
  readonly tcpPort: number | undefined;
}

const ADDRESS = "127.0.0.11";
/** 127.0.0.11 as the kernel prints it: in the machine's order, little-endian on both that we run on. */
const ADDRESS_HEX = "0B00007F";
/** Of `struct sock`, as in net/tcp_states.h. */
const UDP_UNCONNECTED = "07";
const TCP_LISTEN = "0A";
/** Where we listen ourselves. */
const DNS_PORT = 53;

/**
 * Finds it by its sockets: one for UDP and one for TCP on random ports of 127.0.0.11, to which the engine's NAT rules
 * lead 127.0.0.11:53 (observed: Engine 20.10 to 28.5). The sockets are there whatever wrote the rules (iptables of
 * either kind, nftables), and can be asked directly, also while 127.0.0.11:53 is ours or the rules are gone.
 * `net` reads a file below the namespace's /proc/net.
 */
export function engineResolver(net: (file: string) => string): EngineResolver | undefined {
  const [port] = portsOf(net("udp"), UDP_UNCONNECTED);
  if (port === undefined) return undefined;
  const [tcpPort] = portsOf(net("tcp"), TCP_LISTEN);
  return { server: { address: ADDRESS, port }, tcpPort };
}

/** Ports of 127.0.0.11 other than 53 in this state; each line is `N: LOCAL:PORT REMOTE:PORT STATE ...`. */
function portsOf(table: string, state: string): number[] {
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , st]) => local?.startsWith(`${ADDRESS_HEX}:`) && st === state)
    .map(([, local]) => Number.parseInt(local!.slice(ADDRESS_HEX.length + 1), 16))
    .filter((port) => port !== DNS_PORT);
}

import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { parseGaiConf } from "./gai-conf.ts";
import { type IpAddress, ipAddress } from "./ip-address.ts";
import type { Libc } from "./lookup.ts";
import { type Sorter, sortAddresses } from "./sort-addresses.ts";
import type { SourceAddress } from "./source-address.ts";

/**
 * The order in which a program of this host would get the addresses. Which source the kernel would choose is found out
 * as libc does it: by connecting a datagram socket, which sends nothing. Whether an address is deprecated Node doesn't
 * tell, so none is.
 */
export function nodeSorter(libc: Libc, gaiConf: string): (addresses: readonly string[]) => Promise<string[]> {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const hasIpv6 = own.some(({ family, address }) => family === "IPv6" && address !== "::1");
  const sorter: Sorter =
    libc === "glibc" ? { libc, tables: parseGaiConf(gaiConf).tables, hasIpv6 } : { libc: "musl" };
  const prefixLengths = new Map(own.map(({ address, cidr }) => [address, Number(cidr?.split("/")[1])]));

  return async (addresses) => {
    if (addresses.length < 2) return [...addresses];
    const destinations = addresses.map(async (text) => {
      const address = ipAddress(text)!;
      return { address, source: await sourceOf(address, prefixLengths) };
    });
    return sortAddresses(await Promise.all(destinations), sorter).map(({ address }) => address.text);
  };
}

/** No service has it; libc takes any port, too. */
const PORT = 65_535;

function sourceOf(
  { text, family }: IpAddress,
  prefixLengths: ReadonlyMap<string, number>,
): Promise<SourceAddress | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    const end = (source: SourceAddress | undefined) => {
      socket.close();
      resolve(source);
    };
    socket.once("error", () => end(undefined));
    socket.connect(PORT, text, (error?: Error | null) => {
      if (error !== undefined && error !== null) return end(undefined);
      const { address } = socket.address();
      end({ address: ipAddress(address)!, prefixLength: prefixLengths.get(address) });
    });
  });
}

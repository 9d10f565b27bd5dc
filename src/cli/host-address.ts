import type { SocketAddress } from "../base/address.ts";

/** Where this host itself reaches a listener: one on every address is also on the loopback address. */
export function hostAddress({ address, port }: SocketAddress): SocketAddress {
  return { address: LOOPBACK[address] ?? address, port };
}

const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

import type { Clock } from "../base/clock.ts";
import type { Network } from "./network.ts";
import type { Timeline } from "./timeline.ts";

/** Everything outside of itself that a libc's resolver uses. */
export interface Stub {
  readonly clock: Clock;
  readonly network: Network;
  readonly timeline: Timeline;
  /** 0 to 65535, by chance: message ids, and where `rotate` begins. */
  random(): number;
}

/** What is asked of `getaddrinfo`; the flags are its `ai_flags`. */
export interface LookupRequest {
  readonly name: string;
  readonly family: "any" | "inet" | "inet6";
  /** AI_ADDRCONFIG */
  readonly addrconfig: boolean;
  /** AI_V4MAPPED */
  readonly v4mapped: boolean;
  /** AI_ALL */
  readonly all: boolean;
}

/** What `getaddrinfo` returns for nothing found. */
export type EaiError =
  | "EAI_ADDRFAMILY"
  | "EAI_AGAIN"
  | "EAI_FAIL"
  | "EAI_NODATA"
  | "EAI_NONAME"
  | "EAI_SYSTEM";

/** Addresses in the order in which they came, before any sorting. */
export type Found =
  | { readonly addresses: readonly string[]; readonly error: null }
  | { readonly addresses: readonly []; readonly error: EaiError };

export const notFound = (error: EaiError): Found => ({ addresses: [], error });
export const found = (addresses: readonly string[]): Found => ({ addresses, error: null });

/** IPv4 addresses in the form in which an IPv6 socket reaches them (RFC 4291 §2.5.5.2). */
export const v4Mapped = (address: string): string => (address.includes(":") ? address : `::ffff:${address}`);

/** The port that resolv.conf cannot name another of. */
export const DNS_PORT = 53;

/**
 * The code points that this program speaks of, from IANA's "Domain Name System (DNS) Parameters".
 * A number that is not in a table is still carried: names fall back to TYPE999, CLASS9 and RCODE9 (RFC 3597 §5).
 */

export const RrType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  CAA: 257,
} as const;

export const RrClass = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;

export const Opcode = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const;

/** The whole 12-bit rcode: the header's four bits with EDNS's eight above them (RFC 6891 §6.1.3). */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

/** Extended DNS Errors (RFC 8914 §4, and IANA's additions). */
export const EdeCode = {
  OTHER: 0,
  STALE_ANSWER: 3,
  FORGED_ANSWER: 4,
  CACHED_ERROR: 13,
  NOT_READY: 14,
  BLOCKED: 15,
  PROHIBITED: 18,
  STALE_NXDOMAIN: 19,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
  INVALID_DATA: 24,
} as const;

/** Option codes of the OPT pseudo-RR. */
export const EdnsOptionCode = { COOKIE: 10, CLIENT_SUBNET: 8, PADDING: 12, EDE: 15 } as const;

/** `A`, `HTTPS`, … or `TYPE999` for a type without a name here (RFC 3597 §5). */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** The number of `a`, `HTTPS` or `type999`; undefined if there is no such type. */
export function typeNumber(name: string): number | undefined {
  const upper = name.toUpperCase();
  if (Object.hasOwn(RrType, upper)) return RrType[upper as keyof typeof RrType];
  const digits = upper.startsWith("TYPE") ? upper.slice("TYPE".length) : "";
  const number = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  return number <= 0xffff ? number : undefined;
}

export function className(rrclass: number): string {
  return classNames.get(rrclass) ?? `CLASS${rrclass}`;
}

export function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}

const typeNames = namesOf(RrType);
const classNames = namesOf(RrClass);
const rcodeNames = namesOf(Rcode);

function namesOf(table: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(Object.entries(table).map(([name, number]) => [number, name]));
}

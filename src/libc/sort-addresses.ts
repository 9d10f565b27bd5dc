import { commonBits, type IpAddress } from "./ip-address.ts";
import { MUSL_TABLES, type PolicyTables } from "./policy-tables.ts";
import { valueFor } from "./prefix-table.ts";
import { scopeOf } from "./scope.ts";
import type { SourceAddress } from "./source-address.ts";

/** Whose getaddrinfo sorts, and what it can know. musl has its tables built in, and looks at nothing of the host. */
export type Sorter =
  | {
      readonly libc: "glibc";
      readonly tables: PolicyTables;
      /**
       * Whether the host has an IPv6 address besides ::1. Without one glibc forgets what it has read of the host's
       * addresses, subnets and flags (sysdeps/unix/sysv/linux/check_pf.c).
       */
      readonly hasIpv6: boolean;
    }
  | { readonly libc: "musl" };

/** An address that a name has, and the one from which this host would reach it; undefined: it can't. */
export interface Destination {
  readonly address: IpAddress;
  readonly source: SourceAddress | undefined;
}

export interface SortedAddress extends Destination {
  /** Of the destination, by the sorter's tables. */
  readonly label: number;
  readonly precedence: number;
  readonly scope: number;
  /** The rule of RFC 6724 §6 that puts it before the next one; null for the last. */
  readonly rule: number | null;
}

/**
 * The order in which getaddrinfo(3) returns addresses, best first (RFC 6724 §6). Rule 7, native transport, is left
 * out: it needs two interfaces of which one is a tunnel, and musl doesn't know it.
 */
export function sortAddresses(destinations: readonly Destination[], sorter: Sorter): SortedAddress[] {
  const tables = sorter.libc === "glibc" ? sorter.tables : MUSL_TABLES;
  const candidates = destinations.map((destination, order) => candidate(destination, order, tables, sorter));
  // musl leaves a list alone that has no IPv6 address.
  const isLeftAlone = sorter.libc === "musl" && destinations.every(({ address }) => address.family === 4);
  const rules = isLeftAlone ? [] : sorter.libc === "glibc" ? GLIBC_RULES : MUSL_RULES;
  const decide = (a: Candidate, b: Candidate): Decision => {
    for (const [rule, better] of rules) {
      const difference = better(a, b);
      if (difference !== 0) return { rule, isBefore: difference > 0 };
    }
    return { rule: 10, isBefore: a.order < b.order };
  };
  const sorted = mergeSort(candidates, (a, b) => decide(a, b).isBefore);
  return sorted.map(({ destination, label, precedence, scope }, at) => {
    const next = sorted[at + 1];
    const rule = next === undefined ? null : decide(sorted[at]!, next).rule;
    return { ...destination, label, precedence, scope, rule };
  });
}

/** Why an address comes before the next one, by rule of RFC 6724 §6. */
export const RULES: Readonly<Record<number, string>> = {
  1: "can be reached",
  2: "source has its scope",
  3: "source is not deprecated",
  4: "source is a home address",
  5: "source has its label",
  6: "greater precedence",
  8: "smaller scope",
  9: "longer prefix in common with its source",
  10: "came first",
};

interface Decision {
  readonly rule: number;
  readonly isBefore: boolean;
}

/** A destination with all that the rules compare. */
interface Candidate {
  readonly destination: Destination;
  readonly order: number;
  readonly label: number;
  readonly precedence: number;
  readonly scope: number;
  readonly isScopeMatched: boolean;
  readonly isDeprecated: boolean;
  readonly isHome: boolean;
  readonly isLabelMatched: boolean;
  readonly matchedBits: number;
}

function candidate(destination: Destination, order: number, tables: PolicyTables, sorter: Sorter): Candidate {
  const { address, source } = destination;
  const label = valueFor(tables.labels, address.octets);
  const scope = scopeOf(address, tables.ipv4Scopes);
  const known = sorter.libc === "glibc" && sorter.hasIpv6 ? source : undefined;
  const common = source === undefined ? 0 : commonBits(address.octets, source.address.octets);
  // For glibc an IPv4 prefix means something within the source's subnet only; unknown, that is the address itself.
  const isMeant =
    sorter.libc === "musl" || address.family === 6 || common - 96 >= (known?.prefixLength ?? 32);
  return {
    destination,
    order,
    label,
    precedence: valueFor(tables.precedences, address.octets),
    scope,
    isScopeMatched: source !== undefined && scope === scopeOf(source.address, tables.ipv4Scopes),
    isLabelMatched: source !== undefined && label === valueFor(tables.labels, source.address.octets),
    isDeprecated: known?.isDeprecated === true,
    isHome: known?.isHome === true,
    matchedBits: isMeant ? common : 0,
  };
}

/** How much better the first is than the second by one rule; 0 leaves it to the next rule. */
type Rule = readonly [rule: number, better: (a: Candidate, b: Candidate) => number];

const REACHABLE: Rule = [1, (a, b) => Number(isReachable(a)) - Number(isReachable(b))];
const MATCHING_SCOPE: Rule = [2, (a, b) => Number(a.isScopeMatched) - Number(b.isScopeMatched)];
const NOT_DEPRECATED: Rule = [3, (a, b) => Number(b.isDeprecated) - Number(a.isDeprecated)];
const HOME: Rule = [4, (a, b) => Number(a.isHome) - Number(b.isHome)];
const MATCHING_LABEL: Rule = [5, (a, b) => Number(a.isLabelMatched) - Number(b.isLabelMatched)];
const PRECEDENCE: Rule = [6, (a, b) => a.precedence - b.precedence];
const SMALLER_SCOPE: Rule = [8, (a, b) => b.scope - a.scope];
const LONGEST_PREFIX: Rule = [9, (a, b) => a.matchedBits - b.matchedBits];
const LONGEST_PREFIX_OF_FAMILY: Rule = [
  9,
  (a, b) => (familyOf(a) === familyOf(b) ? a.matchedBits - b.matchedBits : 0),
];

const GLIBC_RULES = [
  REACHABLE,
  MATCHING_SCOPE,
  NOT_DEPRECATED,
  HOME,
  MATCHING_LABEL,
  PRECEDENCE,
  SMALLER_SCOPE,
  LONGEST_PREFIX_OF_FAMILY,
];

/** One integer in musl, whose bits are these, most significant first. */
const MUSL_RULES = [REACHABLE, MATCHING_SCOPE, MATCHING_LABEL, PRECEDENCE, SMALLER_SCOPE, LONGEST_PREFIX];

const isReachable = ({ destination }: Candidate): boolean => destination.source !== undefined;
const familyOf = ({ destination }: Candidate): 4 | 6 => destination.address.family;

/**
 * glibc's qsort(3), step for step. Comparing prefixes within a family only is no order (A before B before C before A,
 * when gai.conf gives IPv4 and IPv6 the same precedence); what comes out then depends on who was compared with whom.
 */
function mergeSort<T>(items: readonly T[], isBefore: (a: T, b: T) => boolean): T[] {
  if (items.length < 2) return [...items];
  const middle = items.length >> 1;
  const left = mergeSort(items.slice(0, middle), isBefore);
  const right = mergeSort(items.slice(middle), isBefore);
  const merged: T[] = [];
  while (left.length > 0 && right.length > 0)
    merged.push(isBefore(left[0]!, right[0]!) ? left.shift()! : right.shift()!);
  return [...merged, ...left, ...right];
}

import { isIP } from "node:net";

/** What a libc makes of its resolv.conf, after its limits. */
export interface StubConf {
  /** At most three; 127.0.0.1 if the file names none. */
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly ndots: number;
  readonly timeoutS: number;
  readonly attempts: number;
  /** Of the options that are on or off; musl knows none of them. */
  readonly flags: ReadonlySet<StubFlag>;
  /** What the file says and this libc does not do, a sentence each. */
  readonly ignored: readonly string[];
}

export type StubFlag =
  | "rotate"
  | "edns0"
  | "single-request-reopen"
  | "single-request"
  | "no-tld-query"
  | "use-vc"
  | "trust-ad"
  | "no-aaaa";

/** MAXNS of both: later ones are never asked. */
const MAX_NAMESERVERS = 3;
const MAX_NDOTS = 15;

/**
 * Reads resolv.conf as glibc 2.36 does (`resolv/res_init.c`): keywords in column 0, the last `search` or `domain`
 * wins, options add up and are told by their beginning, so that `rotate-me` is `rotate`. Without `search` and
 * `domain`, the host's own domain is searched.
 */
export function glibcConf(text: string, hostname: string): StubConf {
  const nameservers: string[] = [];
  const ignored: string[] = [];
  const flags = new Set<StubFlag>();
  const limits = { ndots: 1, timeout: 5, attempts: 2 };
  let search: readonly string[] | undefined;

  for (const line of text.split("\n")) {
    if (/^[;#]/.test(line)) continue;
    const [, keyword, rest = ""] = /^([a-z]+)[ \t]+(.*)$/.exec(line) ?? [];
    const words = rest.split(/[ \t\r]+/).filter((word) => word !== "");
    const [first] = words;
    if (first === undefined) continue;
    if (keyword === "nameserver" && isIP(first) !== 0) nameservers.push(first);
    else if (keyword === "domain") search = [first];
    else if (keyword === "search") search = words;
    else if (keyword === "options")
      for (const word of words) ignored.push(...glibcOption(word, limits, flags));
  }
  const [, own] = /^[^.]*\.(.+)$/.exec(hostname) ?? [];
  return {
    nameservers: firstThree(nameservers, ignored),
    search: search ?? (own === undefined ? [] : [own]),
    ndots: limits.ndots,
    timeoutS: limits.timeout,
    attempts: limits.attempts,
    flags,
    ignored,
  };
}

const GLIBC_CAPS = { ndots: MAX_NDOTS, timeout: 30, attempts: 5 } as const;

/** In the order in which glibc compares beginnings: the longer of two that begin alike comes first. */
const GLIBC_FLAGS: readonly (readonly [string, StubFlag])[] = [
  ["rotate", "rotate"],
  ["edns0", "edns0"],
  ["single-request-reopen", "single-request-reopen"],
  ["single-request", "single-request"],
  ["no_tld_query", "no-tld-query"],
  ["no-tld-query", "no-tld-query"],
  ["use-vc", "use-vc"],
  ["trust-ad", "trust-ad"],
  ["no-aaaa", "no-aaaa"],
];

/** Options that say nothing about a lookup, or have meant something once. */
const GLIBC_SILENT = /^(?:no-reload|debug|inet6|ip6-|no-ip6-|no-check-names|strict-error)/;

function glibcOption(
  word: string,
  limits: { ndots: number; timeout: number; attempts: number },
  flags: Set<StubFlag>,
): string[] {
  const [, name, digits] = /^(ndots|timeout|attempts):\s*(-?\d*)/.exec(word) ?? [];
  if (name === "ndots" || name === "timeout" || name === "attempts") {
    const value = Number(digits);
    limits[name] = Math.min(value, GLIBC_CAPS[name]);
    return value > GLIBC_CAPS[name] ? [`${word}: glibc takes ${GLIBC_CAPS[name]} at most`] : [];
  }
  const found = GLIBC_FLAGS.find(([beginning]) => word.startsWith(beginning));
  if (found !== undefined) flags.add(found[1]);
  return found !== undefined || GLIBC_SILENT.test(word) ? [] : [`${word}: glibc 2.36 knows no such option`];
}

/** Longer lines (255 octets and the newline) are passed over whole. */
const MUSL_LINE = 255;

/**
 * Reads resolv.conf as musl does (`src/network/resolvconf.c`): `ndots`, `attempts` and `timeout` are all the options
 * it knows, wherever they stand in an `options` line; the last `search` or `domain` line wins.
 */
export function muslConf(text: string): StubConf {
  const nameservers: string[] = [];
  const ignored: string[] = [];
  const limits = { ndots: 1, timeout: 5, attempts: 2 };
  let search: readonly string[] = [];

  for (const line of text.split("\n")) {
    const [, keyword, rest = ""] = /^(options|nameserver|search|domain)\s(.*)$/.exec(line) ?? [];
    if (keyword === undefined) continue;
    if (line.length >= MUSL_LINE) {
      ignored.push(`${keyword}: musl passes over a line of ${line.length} characters`);
      continue;
    }
    const words = rest.split(/\s+/).filter((word) => word !== "");
    if (keyword === "options") ignored.push(...muslOptions(rest, words, limits));
    else if (keyword !== "nameserver") search = words;
    else if (words[0] !== undefined && isIP(words[0]) !== 0) nameservers.push(words[0]);
  }
  return {
    nameservers: firstThree(nameservers, ignored),
    search,
    ndots: limits.ndots,
    timeoutS: limits.timeout,
    attempts: limits.attempts,
    flags: new Set(),
    ignored,
  };
}

const MUSL_CAPS = { ndots: MAX_NDOTS, timeout: 60, attempts: 10 } as const;

function muslOptions(
  line: string,
  words: readonly string[],
  limits: { ndots: number; timeout: number; attempts: number },
): string[] {
  for (const name of ["ndots", "timeout", "attempts"] as const) {
    const [, digits] = new RegExp(`${name}:(\\d+)`).exec(line) ?? [];
    // It would divide by no attempts at all.
    if (digits !== undefined) limits[name] = Math.min(Number(digits), MUSL_CAPS[name]);
  }
  limits.attempts = Math.max(1, limits.attempts);
  return words
    .filter((word) => !/(?:ndots|timeout|attempts):\d/.test(word))
    .map((word) => `${word}: musl knows no such option`);
}

function firstThree(nameservers: readonly string[], ignored: string[]): readonly string[] {
  for (const unused of nameservers.slice(MAX_NAMESERVERS))
    ignored.push(`nameserver ${unused}: only the first ${MAX_NAMESERVERS} are asked`);
  return nameservers.length === 0 ? ["127.0.0.1"] : nameservers.slice(0, MAX_NAMESERVERS);
}

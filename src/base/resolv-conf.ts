import { isIP } from "node:net";

/** What a resolv.conf says, before anybody acts on it; every list in the file's order. */
export interface ResolvConf {
  /** Zones (`fe80::1%eth0`) are kept. The list is not cut: libc uses three, we use all. */
  readonly nameservers: readonly { readonly address: string; readonly line: number }[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Lines of no known keyword, verbatim. */
  readonly other: readonly string[];
  /** `nameserver` lines that name no IP address. */
  readonly invalid: readonly InvalidNameserver[];
}

export interface InvalidNameserver {
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}

/**
 * Reads resolv.conf(5) as Docker Engine 28 does, which is glibc's reading with `search` and `domain` as one:
 * - only `#` or `;` in column 0 begins a comment; an indented one is an `other` line, and one behind values is values;
 * - `nameserver` looks at its second word only; without one the line says nothing;
 * - the last `search` or `domain` line wins; `options` lines add up.
 *
 * Never throws: a line that makes no sense is reported, not fatal, since the rest of the file still serves.
 */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: { address: string; line: number }[] = [];
  const invalid: InvalidNameserver[] = [];
  const options: string[] = [];
  const other: string[] = [];
  let search: string[] = [];

  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith("#") || line.startsWith(";")) continue;
    const [keyword, ...values] = line.split(/\s+/).filter((word) => word !== "");
    if (keyword === undefined) continue;
    const [first] = values;
    switch (keyword) {
      case "nameserver":
        if (first === undefined) break;
        if (isIP(first) !== 0) nameservers.push({ address: first, line: index + 1 });
        else invalid.push({ text: first, line: index + 1, reason: "not an IP address" });
        break;
      case "search":
      case "domain":
        if (first !== undefined) search = values;
        break;
      case "options":
        options.push(...values);
        break;
      default:
        other.push(line);
    }
  }
  return { nameservers, search, options, other, invalid };
}

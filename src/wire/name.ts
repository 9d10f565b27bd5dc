import { WireError } from "./errors.ts";
import { decodeEscapes, ESCAPED, encodeEscapes, escapeTable } from "./escape.ts";
import { decimalOctet, formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip.ts";
import { MAX_LABEL, MAX_NAME } from "./limits.ts";
import type { Name } from "./message.ts";

/** The name in lower case, ASCII only (RFC 4343 §3): the key of every table of names. */
export function foldName(name: Name): Name {
  return name.toLowerCase();
}

/**
 * Reads a name that a person wrote, with or without the dot at its end, and writes every octet in its one spelling:
 * equal names give equal strings, letter case apart. Characters beyond ASCII become their UTF-8 octets (no IDNA).
 * Undefined for an empty label, one above 63 octets, a name above 255, a false escape, or bare space or controls.
 */
export function nameFromText(text: string): Name | undefined {
  if (text === ".") return text;
  if (plainName.test(text)) {
    const name = text.endsWith(".") ? text : `${text}.`;
    return name.length < MAX_NAME ? name : undefined;
  }
  return nameWithEscapes(text);
}

/** The labels in presentation format, leftmost first; none for the root. */
export function labelsOf(name: Name): string[] {
  if (name === ".") return [];
  return name.includes("\\") ? name.match(labelWithEscapes)! : name.slice(0, -1).split(".");
}

/** Whether `name` is `of` or below it, label by label and in any letter case. */
export function isSubdomain(name: Name, of: Name): boolean {
  const [folded, apex] = [foldName(name), foldName(of)];
  if (apex === "." || folded === apex) return true;
  if (!folded.endsWith(`.${apex}`)) return false;
  // The dot before the apex separates labels only if no backslash escapes it; a pair of them is one of the label.
  let backslashes = 0;
  for (let at = folded.length - apex.length - 2; folded[at] === "\\"; at--) backslashes += 1;
  return backslashes % 2 === 0;
}

/** The name whose PTR record tells an address's name (RFC 1035 §3.5, RFC 3596 §2.5). Throws for no address. */
export function reverseName(address: string): Name {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== undefined) return `${formatIpv4(ipv4.reverse())}.in-addr.arpa.`;
  const ipv6 = parseIpv6(address);
  if (ipv6 === undefined) throw new WireError("address", address);
  const nibbles = Array.from(ipv6, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `${[...nibbles].reverse().join(".")}.ip6.arpa.`;
}

/** The address of a reverse name, IPv6 as RFC 5952 has it; undefined for other names and for parts of an address. */
export function addressFromReverse(name: Name): string | undefined {
  // Nearly every name that is asked for fails here, and need not be taken apart.
  if (!/\.arpa\.$/i.test(name)) return undefined;
  const labels = labelsOf(foldName(name)).reverse();
  const [, tree, ...digits] = labels;
  if (tree === "in-addr" && digits.length === 4) {
    return digits.every((digit) => decimalOctet(digit) !== undefined) ? digits.join(".") : undefined;
  }
  if (tree !== "ip6" || digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit)))
    return undefined;
  return formatIpv6(
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits[2 * i]! + digits[2 * i + 1]!, 16)),
  );
}

/** How the octets of a label are written in a `Name`. */
export const labelText = escapeTable("!", ".\\");

/** Labels of printable ASCII without backslash; such a name is written as it is read. */
const plainName = /^[!-\-/-[\]-~]{1,63}(?:\.[!-\-/-[\]-~]{1,63})*\.?$/;
const labelWithEscapes = /(?:\\\d{3}|\\.|[^\\.])+/g;

const DOT = 0x2e;

function nameWithEscapes(text: string): Name | undefined {
  const octets = decodeEscapes(text);
  if (octets === undefined) return undefined;
  if (octets.at(-1) === DOT) octets.pop();
  let name = "";
  let label: number[] = [];
  // Every label takes its octets and one of length; the root label takes one.
  if (octets.length + 2 > MAX_NAME) return undefined;
  for (const octet of [...octets, DOT]) {
    if (octet === DOT) {
      if (label.length === 0 || label.length > MAX_LABEL) return undefined;
      name += `${encodeEscapes(label, labelText)}.`;
      label = [];
    } else if (octet <= 0x20 || octet === 0x7f) {
      return undefined;
    } else {
      label.push(octet & ~ESCAPED);
    }
  }
  return name;
}

import type { Name } from "../wire/message.ts";
import { foldName, nameFromText } from "../wire/name.ts";

/**
 * The folded absolute name that a configured text is asked for by; undefined if it cannot be asked for. Names in
 * Docker are free text: a label over 63 octets, a name over 255 (RFC 1035 §2.3.4) or an empty one is kept and
 * listed, but no question can name it. Nor may the root be claimed: it is not ours.
 */
export function foldedName(text: string): Name | undefined {
  // A backslash is a character like any other here, and an escape only in presentation format.
  const name = nameFromText(text.replaceAll("\\", "\\\\"));
  return name === undefined || name === "." ? undefined : foldName(name);
}

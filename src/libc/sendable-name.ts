import type { Name } from "../wire/message.ts";
import { nameFromText } from "../wire/name.ts";

/**
 * Whether glibc takes a text for a host name (`res_hnok` of 2.36); DNS is not asked for another, while the hosts file may
 * have it. Escapes count as what they stand for. The search list is not looked at in this way (observed).
 */
export function isHostName(text: string): boolean {
  const name = nameFromText(text);
  return name !== undefined && !name.startsWith("-") && /^[\w.-]+$/.test(name);
}

/** The name that musl sends for a text: it knows no escapes, and sends every octet as it is (observed). */
export function nameAsTyped(text: string): Name | undefined {
  return nameFromText(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    text.replace(/[\\\x00-\x20\x7f]/g, (octet) => `\\${String(octet.charCodeAt(0)).padStart(3, "0")}`),
  );
}

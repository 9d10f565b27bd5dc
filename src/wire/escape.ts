/** The escapes of presentation format: `\DDD` for an octet, `\X` for a character (RFC 1035 §5.1). */

/** Added to an octet that an escape gave, so that `\.` is told from a dot between labels. */
export const ESCAPED = 0x100;

/**
 * The octets that a text stands for, those from an escape with `ESCAPED` added; characters beyond ASCII as UTF-8.
 * Undefined for a backslash at the end, and for one before digits that are not three or are above 255.
 */
export function decodeEscapes(text: string): number[] | undefined {
  const octets: number[] = [];
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code !== BACKSLASH) {
      at += push(octets, text, at, 0);
    } else if (isDigit(text.charCodeAt(at + 1))) {
      const digits = text.slice(at + 1, at + 4);
      if (!/^\d{3}$/.test(digits) || Number(digits) > 255) return undefined;
      octets.push(Number(digits) | ESCAPED);
      at += 4;
    } else {
      if (at + 1 >= text.length) return undefined;
      at += 1 + push(octets, text, at + 1, ESCAPED);
    }
  }
  return octets;
}

/** Octets as text, each by `table`. */
export function encodeEscapes(octets: Iterable<number>, table: readonly string[]): string {
  let text = "";
  for (const octet of octets) text += table[octet];
  return text;
}

/** How each of the 256 octets is written: itself from `first` to `~`, `\X` if in `special`, else `\DDD`. */
export function escapeTable(first: string, special: string): readonly string[] {
  return Array.from({ length: 256 }, (_, octet) => {
    const character = String.fromCharCode(octet);
    if (character < first || character > "~") return `\\${String(octet).padStart(3, "0")}`;
    return special.includes(character) ? `\\${character}` : character;
  });
}

const BACKSLASH = 0x5c;
const encoder = new TextEncoder();

/** Adds the character at `at` and gives how many units of the text it took. */
function push(octets: number[], text: string, at: number, flag: number): number {
  const code = text.codePointAt(at)!;
  if (code < 0x80) {
    octets.push(code | flag);
    return 1;
  }
  const character = String.fromCodePoint(code);
  for (const octet of encoder.encode(character)) octets.push(octet | flag);
  return character.length;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

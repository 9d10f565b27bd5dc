import { EdnsOptionCode } from "./iana.ts";
import type { Edns, EdnsOption, ExtendedError } from "./message.ts";

/** The EDNS option of an Extended DNS Error: its number in two octets, then its text in UTF-8 (RFC 8914 §2). */
export function extendedErrorOption({ code, text }: ExtendedError): EdnsOption {
  return { code: EdnsOptionCode.EDE, data: Uint8Array.of(code >> 8, code, ...encoder.encode(text)) };
}

/**
 * The Extended DNS Errors of a message, in its order. Tolerant, for they only inform: one without a whole number is
 * skipped, octets that are not UTF-8 become U+FFFD, and a NUL at the end is not part of the text (RFC 8914 §2).
 */
export function extendedErrors(edns: Edns | undefined): ExtendedError[] {
  const options = edns?.options ?? [];
  return options
    .filter(({ code, data }) => code === EdnsOptionCode.EDE && data.length >= 2)
    .map(({ data }) => ({ code: (data[0]! << 8) | data[1]!, text: textOf(data.subarray(2)) }));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(octets: Uint8Array): string {
  return decoder.decode(octets.at(-1) === 0 ? octets.subarray(0, -1) : octets);
}

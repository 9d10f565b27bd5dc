import { parseIpv6 } from "../wire/ip.ts";
import { matches } from "./ip-address.ts";

/** Values for ranges of addresses, IPv4 ones mapped; the first row that matches holds. */
export type PrefixTable = readonly PrefixRow[];

export interface PrefixRow {
  readonly prefix: Uint8Array;
  /** 0 to 128. */
  readonly bits: number;
  readonly value: number;
}

/** Every table ends in a row for all addresses. */
export function valueFor(table: PrefixTable, address: Uint8Array): number {
  return table.find(({ prefix, bits }) => matches(address, prefix, bits))!.value;
}

/** `{"::/0": 1}` as rows, in the order written. */
export function prefixTable(rows: Readonly<Record<string, number>>): PrefixTable {
  return Object.entries(rows).map(([text, value]) => {
    const [address = "", bits] = text.split("/");
    return { prefix: parseIpv6(address)!, bits: Number(bits), value };
  });
}

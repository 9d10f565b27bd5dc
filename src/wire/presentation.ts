import type { ResourceRecord } from "./message.ts";
import { eachField } from "./rdata.ts";

/** The data as `dig +short` prints it; `\# 4 0a000001` if it is known only as octets (RFC 3597 §5). */
export function formatRdata({ data }: Pick<ResourceRecord, "data">): string {
  if (data.kind === "unknown") return formatOctets(data.octets);
  const texts: string[] = [];
  eachField(data, (field, value) => texts.push(field.format(value)));
  // SVCB without parameters ends in a field without text.
  return texts.filter((text) => text !== "").join(" ");
}

function formatOctets(octets: Uint8Array): string {
  const digits = Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `\\# ${octets.length}${digits === "" ? "" : ` ${digits}`}`;
}

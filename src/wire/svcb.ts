import { WireError } from "./errors.ts";
import { type Field, quote } from "./fields.ts";
import type { SvcParam } from "./message.ts";
import { formatValue, keyName } from "./svcb-values.ts";

/**
 * The parameters of SVCB and HTTPS, to the end of the data: keys in ascending order, none twice (RFC 9460 §2.2).
 * Values stay as they are, whether or not they are values of their keys and agree with each other (§8).
 */
export const serviceParams: Field<readonly SvcParam[]> = {
  read(reader) {
    const params: SvcParam[] = [];
    while (reader.offset < reader.end) {
      params.push({ key: reader.uint16(), value: reader.take(reader.uint16()) });
    }
    return checkedOrder(params);
  },

  write(writer, params) {
    for (const { key, value } of checkedOrder(params)) {
      writer.uint16(key);
      writer.uint16(value.length);
      writer.octets(value);
    }
  },

  format: (params) => params.map(formatParam).join(" "),
};

function checkedOrder(params: readonly SvcParam[]): readonly SvcParam[] {
  let last = -1;
  for (const { key } of params) {
    if (key <= last) throw new WireError("svcb-order", keyName(key));
    last = key;
  }
  return params;
}

/** `alpn="h2,h3"`; octets that are no value of their key are written as those of a key without a name. */
function formatParam({ key, value }: SvcParam): string {
  const text = formatValue(key, value);
  if (text !== undefined) return text === "" ? keyName(key) : `${keyName(key)}=${text}`;
  return value.length === 0 ? `key${key}` : `key${key}=${quote(value)}`;
}

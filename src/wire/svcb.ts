import { WireError } from "./errors.ts";
import { type Field, octetsFromText, quote } from "./fields.ts";
import type { SvcParam } from "./message.ts";
import { formatValue, keyName, keyNumber, keysOf, parseValue, SvcKey } from "./svcb-values.ts";

/**
 * The parameters of SVCB and HTTPS, to the end of the data: keys in ascending order, none twice (RFC 9460 §2.2).
 * Read from the wire, values stay as they are; read from text, they must also agree with each other (§8).
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

  parse(tokens) {
    const params = tokens.rest().map((token) => parseParam(token.text));
    return checkedSense(checkedOrder(params.sort((one, other) => one.key - other.key)));
  },
};

function checkedOrder(params: readonly SvcParam[]): readonly SvcParam[] {
  let last = -1;
  for (const { key } of params) {
    if (key <= last) throw new WireError("svcb-order", keyName(key));
    last = key;
  }
  return params;
}

/** RFC 9460 §7.1.1 and §8: what a client would have to ignore is not to be configured. */
function checkedSense(params: readonly SvcParam[]): readonly SvcParam[] {
  const has = (wanted: number) => params.some(({ key }) => key === wanted);
  const mandatory = params.find(({ key }) => key === SvcKey.MANDATORY);
  for (const key of keysOf(mandatory?.value ?? new Uint8Array())) {
    if (!has(key)) throw new WireError("text", `${keyName(key)} is mandatory but absent`);
  }
  if (has(SvcKey.NO_DEFAULT_ALPN) && !has(SvcKey.ALPN))
    throw new WireError("text", "no-default-alpn without alpn");
  return params;
}

/** `alpn="h2,h3"`; octets that are no value of their key are written as those of a key without a name. */
function formatParam({ key, value }: SvcParam): string {
  const text = formatValue(key, value);
  if (text !== undefined) return text === "" ? keyName(key) : `${keyName(key)}=${text}`;
  return value.length === 0 ? `key${key}` : `key${key}=${quote(value)}`;
}

function parseParam(text: string): SvcParam {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  const key = keyNumber(name);
  if (key === undefined) throw new WireError("text", `no service parameter is called ${name}`);
  const octets = octetsFromText(equals < 0 ? "" : text.slice(equals + 1));
  const value = /^key/.test(name) ? octets : parseValue(key, octets);
  if (value === undefined) throw new WireError("text", `no value of ${name}`);
  return { key, value };
}

import { resolve } from "node:path";
import { z } from "zod";
import { canonicalAddress, parseSocketAddress, type SocketAddress } from "../base/address.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Name } from "../wire/message.ts";
import { foldName, nameFromText } from "../wire/name.ts";
import { parsed, parseServer, Refusal, rangeOf, want } from "../yaml/fields.ts";

/** The kinds of values that only `eleven.yaml` has. */

const LISTENER = 'an address and a port, like 127.0.0.1:5311 or "[::1]:5311"';

/** Somewhere to listen. The port has to be said: none is the obvious one, since 53 is often taken. */
export const listener: z.ZodType<SocketAddress> = parsed(LISTENER, (text) => {
  const address = parseSocketAddress(text, -1);
  const quoted = JSON.stringify(text);
  if (address === undefined) return new Refusal(`${quoted} is not ${LISTENER}`);
  if (address.port === -1) return new Refusal(`${quoted} has no port: write ${LISTENER}`);
  const range = rangeOf(address.address);
  if (range === "multicast" || range === "broadcast")
    return new Refusal(`${quoted} is ${range}: nobody can listen there`);
  return { address: canonicalAddress(address.address), port: address.port };
});

const UPSTREAM = 'the address of a server, like 10.0.0.1, "[fd00::1]:53" or tls://10.0.0.1#dns.example';
const TLS_PORT = 853;

/** Somebody to ask, and how: over UDP unless it begins with `tcp://` or `tls://`. */
export const upstream: z.ZodType<ServerAddress> = parsed(UPSTREAM, parseUpstream);

function parseUpstream(text: string): ServerAddress | Refusal {
  const [, scheme, where = text, name] = /^([^:/]*):\/\/([^#]*)(?:#(.*))?$/.exec(text) ?? [];
  if (scheme === undefined) return parseServer(text);
  const quoted = JSON.stringify(text);
  if (scheme !== "tcp" && scheme !== "tls")
    return new Refusal(
      `${quoted} is no way to ask a server: write tls://10.0.0.1, tcp://10.0.0.1 or 10.0.0.1`,
    );
  const server = parseServer(where, scheme === "tls" ? TLS_PORT : undefined);
  if (server instanceof Refusal) return new Refusal(`${quoted} is not ${UPSTREAM}`);
  if (name === undefined) return { ...server, transport: scheme };
  if (scheme !== "tls")
    return new Refusal(`${quoted} names a certificate, which only tls:// has: leave out what begins with #`);
  if (nameFromText(name) === undefined)
    return new Refusal(
      `${quoted} has no name behind the #: write that of its certificate, like #dns.example`,
    );
  return { ...server, transport: scheme, tlsName: name.replace(/\.$/, "") };
}

/** A path, relative to `folder`. */
export function path(folder: string, example: string): z.ZodType<string> {
  return parsed(`a path, like ${example}`, (text) => parsePath(folder, text, example));
}

export function parsePath(folder: string, text: string, example: string): string | Refusal {
  return text === "" || text.includes("\0")
    ? new Refusal(`${JSON.stringify(text)} is not a path: write one like ${example}`)
    : resolve(folder, text);
}

/** The kernel has room for this many octets in the path of a Unix socket, besides the NUL at its end (unix(7)). */
const MAX_SOCKET_PATH = 107;

export function socketPath(folder: string): z.ZodType<string> {
  return path(folder, "/run/eleven/eleven.sock").refine(
    (text) => Buffer.byteLength(text) <= MAX_SOCKET_PATH,
    {
      error: ({ input }) =>
        `${JSON.stringify(input)} is longer than the ${MAX_SOCKET_PATH} octets that a socket's path may have`,
    },
  );
}

/** A list that says everything once. */
export function distinct<T>(list: z.ZodType<T[]>): z.ZodType<T[]> {
  return list.superRefine((items, context) => {
    const seen = new Set<string>();
    for (const [index, item] of items.entries()) {
      const text = JSON.stringify(item);
      if (seen.has(text))
        context.addIssue({ code: "custom", path: [index], message: "is in the list already" });
      seen.add(text);
    }
  });
}

/** The map `suffix -> something` with its suffixes as folded names; each name once, however it is written. */
export function bySuffix<T>(map: z.ZodType<Record<string, T>>): z.ZodType<Map<Name, T>> {
  return map.transform((record, context) => {
    const result = new Map<Name, T>();
    const texts = new Map<Name, string>();
    const refuse = (text: string, message: string, twin?: string) => {
      const params = { at: "key", twin };
      context.issues.push({ code: "custom", input: record, path: [text], message, params });
    };
    for (const [text, value] of Object.entries(record)) {
      const name = nameFromText(text);
      const problem = suffixProblem(text, name);
      const folded = foldName(name ?? "");
      const twin = texts.get(folded);
      if (problem !== undefined) refuse(text, problem);
      else if (twin !== undefined)
        refuse(text, `${JSON.stringify(text)} is the same suffix as ${JSON.stringify(twin)}`, twin);
      else {
        texts.set(folded, text);
        result.set(folded, value);
      }
    }
    return result;
  });
}

/** One suffix, as a folded absolute name. */
export function suffix(): z.ZodType<Name> {
  return z.string(want("a domain, like docker")).transform((text, context) => {
    const name = nameFromText(text);
    const message = suffixProblem(text, name);
    if (message === undefined) return foldName(name!);
    context.issues.push({ code: "custom", input: text, message });
    return z.NEVER;
  });
}

function suffixProblem(text: string, name: Name | undefined): string | undefined {
  const quoted = JSON.stringify(text);
  const bare = text.replace(/^\*?\./, "");
  if (text === ".") return `${quoted} is every name: name those servers under "upstreams"`;
  if (bare !== text)
    return `${quoted} is not a suffix: write ${JSON.stringify(bare)}, which covers all below it`;
  if (name !== undefined) return undefined;
  return `${quoted} is not a DNS name: that is labels of 1 to 63 octets with dots between them, 255 octets in all`;
}

/** What `schema` makes of it, or what stands for `false`. Not a union, which would not say what is wrong inside. */
export function falseOr<T>(schema: z.ZodType<T>, off: () => T): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    if (value === false) return off();
    const { data, error } = schema.safeParse(value);
    if (error === undefined) return data;
    for (const issue of error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

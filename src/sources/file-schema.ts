import { isIP } from "node:net";
import { z } from "zod";
import type { SocketAddress } from "../base/address.ts";
import { canonicalAddress } from "../base/address.ts";
import { nameFromText } from "../wire/name.ts";
import { closed, parsed, Refusal, rangeOf, server, text, want } from "../yaml/fields.ts";

/** The file source's document as it is written, each value checked by itself; docs/config.md tells it to users. */
export interface FileDocument {
  readonly networks: Readonly<Record<string, { readonly internal: boolean }>>;
  readonly containers: Readonly<Record<string, FileContainer>>;
}

export interface FileContainer {
  readonly id?: string | undefined;
  readonly hostname?: string | undefined;
  readonly netns?: string | undefined;
  readonly upstreams: readonly SocketAddress[];
  readonly networks: Readonly<Record<string, FileEndpoint>>;
}

export interface FileEndpoint {
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly aliases: readonly string[];
  readonly links: Readonly<Record<string, string>>;
  readonly priority: number;
}

/** What names a container in its source. */
export function containerKey(name: string, { id }: FileContainer): string {
  return id ?? name;
}

/** Our own embedded resolver: a container's upstream there would be ourselves again. */
export function isEmbedded({ address, port }: SocketAddress): boolean {
  return address === "127.0.0.11" && port === 53;
}

/** Why a text cannot be a name in the registry; undefined if it can. */
export function nameProblem(name: string): string | undefined {
  const quoted = JSON.stringify(name);
  if (name.length > 1 && name.endsWith(".")) {
    return `${quoted} ends in a dot, which no name here does: write ${JSON.stringify(name.slice(0, -1))}`;
  }
  if (name !== "" && name !== "." && nameFromText(name) !== undefined) return undefined;
  return `${quoted} cannot be a DNS name: that is labels of 1 to 63 octets with dots between them, 255 octets in all`;
}

const dnsName = parsed("a name", (value) => {
  const problem = nameProblem(value);
  return problem === undefined ? value : new Refusal(problem);
});

/** An address that a container can have on a network; a container is nowhere else, so nothing else is let in. */
function address(family: 4 | 6): z.ZodType<string> {
  const example = family === 4 ? "10.5.0.2" : "fd05::2";
  return parsed(`an IPv${family} address, like ${example}`, (value) => {
    const problem = addressProblem(value, family);
    if (problem === undefined) return canonicalAddress(value);
    return new Refusal(`${JSON.stringify(value)} ${problem}: write an address like ${example}`);
  });
}

function addressProblem(value: string, family: 4 | 6): string | undefined {
  if (isIP(value.replace(/\/\d+$/, "")) !== 0 && value.includes("/")) return "has a prefix length";
  if (value.includes("%")) return "has a zone id, which means something on one host only";
  const is = isIP(value);
  if (is === 0) return `is not an IPv${family} address`;
  if (is !== family) return `is an IPv${is} address: it belongs in ipv${is}`;
  const range = rangeOf(value);
  if (range === "ipv4Mapped") return "is an IPv4 address in IPv6 clothes: it belongs in ipv4";
  const odd = ODD_RANGES[range];
  return odd === undefined ? undefined : `is ${odd}, which no container has on a network`;
}

const ODD_RANGES: Readonly<Record<string, string>> = {
  unspecified: "an unspecified address",
  loopback: "a loopback address",
  multicast: "a multicast address",
  broadcast: "the broadcast address",
};

const id = parsed("a container id of 12 to 64 hexadecimal digits", (value) =>
  /^[0-9a-f]{12,64}$/i.test(value)
    ? value.toLowerCase()
    : new Refusal(`${JSON.stringify(value)} is not a container id: that is 12 to 64 hexadecimal digits`),
);

const netns = parsed("the path of a network namespace, like /run/netns/web-1", (value) =>
  value === "" || value.includes("\0")
    ? new Refusal(`${JSON.stringify(value)} is not a path: write one like /run/netns/web-1`)
    : value,
);

/** `shop:` with nothing after it is how compose files say "with the defaults". */
const orDefaults = <T>(schema: z.ZodType<T>): z.ZodType<T> => z.preprocess((value) => value ?? {}, schema);

const endpoint = orDefaults<FileEndpoint>(
  closed({
    ipv4: address(4).optional(),
    ipv6: address(6).optional(),
    aliases: z.array(dnsName, want("a list of names, like [web, www]")).default([]),
    links: z
      .record(z.string(), text("the name of a container"), want("a map, like { database: db }"))
      .default({}),
    priority: z.int(want("a whole number")).default(0),
  }),
);

const container: z.ZodType<FileContainer> = closed({
  id: id.optional(),
  hostname: dnsName.optional(),
  netns: netns.optional(),
  upstreams: z.array(server, want("a list of addresses, like [10.0.0.9]")).default([]),
  networks: z
    .record(z.string(), endpoint, want("a map from network to address, like shop: { ipv4: 10.5.0.2 }"))
    .default({}),
});

const network = orDefaults(closed({ internal: z.boolean(want("true or false")).default(false) }));

export const fileDocument: z.ZodType<FileDocument> = closed({
  networks: z.record(z.string(), network, want("a map of networks, like shop: {}")).default({}),
  containers: z
    .record(z.string(), container, want("a map of containers, like web-1: { networks: { shop: {} } }"))
    .default({}),
});

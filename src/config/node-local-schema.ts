import { isIPv4 } from "node:net";
import { z } from "zod";
import type { SocketAddress } from "../base/address.ts";
import type { ServerAddress } from "../base/server-address.ts";
import { closed, parsed, Refusal, rangeOf, want } from "../yaml/fields.ts";
import { distinct, falseOr, upstream } from "./fields.ts";

export interface NodeLocalConfig {
  /** Where pods are told to ask; with those of `intercept`, it becomes this machine's while we answer there. */
  readonly address: string;
  /** Addresses of services whose queries stay on this machine. */
  readonly intercept: readonly string[];
  /** Who is asked in place of the daemon's upstreams; undefined: those. */
  readonly upstreams: readonly ServerAddress[] | undefined;
  /** Upstreams are asked over TCP, unless they are asked over TLS. */
  readonly forceTcp: boolean;
}

const PORT = 53;
const ADDRESS = "an IPv4 address that nobody has, like 169.254.20.10";
const NOBODYS = ["unspecified", "loopback", "multicast", "broadcast"];

const address = parsed(ADDRESS, (text) => {
  const quoted = JSON.stringify(text);
  if (!isIPv4(text)) return new Refusal(`${quoted} is not ${ADDRESS}`);
  const range = rangeOf(text);
  return NOBODYS.includes(range) ? new Refusal(`${quoted} is ${range}: write ${ADDRESS}`) : text;
});

const settings: z.ZodType<NodeLocalConfig> = closed({
  address,
  intercept: distinct(z.array(address, want("a list of addresses of services, like [10.96.0.10]"))).default(
    [],
  ),
  upstreams: z
    .array(upstream, want("a list of addresses, like [10.0.0.1]"))
    .min(1, "names no server: give at least one, or leave it out")
    .optional(),
  forceTcp: z.boolean(want("true or false")).default(false),
}).transform(({ upstreams, ...rest }, context) => {
  const index = rest.intercept.indexOf(rest.address);
  if (index !== -1)
    context.issues.push({
      code: "custom",
      input: rest,
      path: ["intercept", index],
      message: "is `address` already: leave it out here",
    });
  return { ...rest, upstreams };
});

/** `false`, which is no such listener, gives undefined. */
export const nodeLocal: z.ZodType<NodeLocalConfig | undefined> = falseOr<NodeLocalConfig | undefined>(
  settings,
  () => undefined,
);

/** Where servers and listeners stand in the file. */
interface Elsewhere {
  readonly listen: readonly SocketAddress[];
  readonly upstreams: "host" | readonly ServerAddress[];
  readonly fallbackUpstreams: readonly ServerAddress[];
  readonly domains: ReadonlyMap<string, readonly ServerAddress[]>;
  readonly nodeLocal?: NodeLocalConfig | undefined;
}

/** What can't be together with `nodeLocal`: whoever would be asked, or listens, at one of its addresses. */
export function nodeLocalConflicts(config: Elsewhere): { path: (string | number)[]; message: string }[] {
  const { nodeLocal: local, listen, upstreams, fallbackUpstreams, domains } = config;
  if (local === undefined) return [];
  const isOurs = ({ address, port }: SocketAddress): boolean =>
    port === PORT && (address === local.address || local.intercept.includes(address));
  const lists: [(string | number)[], readonly ServerAddress[]][] = [
    [["upstreams"], upstreams === "host" ? [] : upstreams],
    [["fallbackUpstreams"], fallbackUpstreams],
    [["nodeLocal", "upstreams"], local.upstreams ?? []],
    ...[...domains.values()].map((servers): [string[], readonly ServerAddress[]] => [["domains"], servers]),
  ];
  const asked = lists.flatMap(([path, servers]) =>
    servers.flatMap((server, index) => {
      if (!isOurs(server)) return [];
      const at = path[0] === "domains" ? path : [...path, index];
      const message =
        server.address === local.address
          ? `${server.address} is the node-local listener itself: name the servers that it is to ask`
          : `${server.address} is intercepted, so on this machine it leads back here: name the servers behind that service, or a second service for them that is not intercepted`;
      return [{ path: at, message }];
    }),
  );
  const heard = listen.flatMap((listener, index) =>
    isOurs(listener) ? [{ path: ["listen", index], message: "is listened on by `nodeLocal` already" }] : [],
  );
  return [...heard, ...asked];
}

import { z } from "zod";
import type { SocketAddress } from "../base/address.ts";
import { POLICIES, type Policy } from "../base/policy.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Name } from "../wire/message.ts";
import { closed, text, want } from "../yaml/fields.ts";
import { type CacheConfig, cache } from "./cache-schema.ts";
import { bySuffix, distinct, listener, path, socketPath, suffix, upstream } from "./fields.ts";
import { type NodeLocalConfig, nodeLocal, nodeLocalConflicts } from "./node-local-schema.ts";
import { defaultSocket } from "./socket-path.ts";
import { type SourceConfig, source } from "./source-schema.ts";

export type { SourceConfig } from "./source-schema.ts";

/** `eleven.yaml` as the program uses it: parsed, with defaults filled in; docs/config.md tells it to users. */
export interface Config {
  /** Path of the control socket, absolute. */
  readonly socket: string;
  /** Plain listeners, UDP and TCP. Port 0 is any free one. */
  readonly listen: readonly SocketAddress[];
  readonly sources: readonly SourceConfig[];
  /** Whose 127.0.0.11:53 we answer; a list is of container names. */
  readonly attach: "none" | "all" | readonly string[];
  /** `host` follows `resolvConf`. */
  readonly upstreams: "host" | readonly ServerAddress[];
  /** Who of several upstreams is asked first. */
  readonly policy: Policy;
  /** `off`: AAAA is not forwarded, but answered with NODATA. */
  readonly ipv6: "auto" | "off";
  /** The host's file, absolute. */
  readonly resolvConf: string;
  /** Asked only when `upstreams` yields none, or only such that lead back here. */
  readonly fallbackUpstreams: readonly ServerAddress[];
  /** Split DNS: folded suffix -> whom to ask, at least one. */
  readonly domains: ReadonlyMap<Name, readonly ServerAddress[]>;
  /** Below it the host finds containers, `web.shop.docker.`: a folded name. */
  readonly hostSuffix: Name;
  /** Seconds, of answers from the registry. */
  readonly ttl: number;
  readonly cache: CacheConfig;
  /** `portable` does without threads and system calls of our own. */
  readonly dataplane: "portable" | { readonly workers: number; readonly tableBytes: number };
  /** Undefined: there is no such listener. */
  readonly nodeLocal: NodeLocalConfig | undefined;
  /** Undefined is off. */
  readonly metrics: SocketAddress | undefined;
}

/** Seconds. More than a day does not fit names that come and go with containers. */
const MAX_TTL = 86_400;
const TTL_TEXT = `a whole number of seconds from 0 to ${MAX_TTL}`;

const MAX_WORKERS = 64;
const WORKERS_TEXT = `a whole number of threads from 1 to ${MAX_WORKERS}`;

const MIB = 1024 * 1024;
const MIN_TABLE = MIB;
const MAX_TABLE = 256 * MIB;
const TABLE_TEXT = `a whole number of octets from ${MIN_TABLE} (1 MiB) to ${MAX_TABLE} (256 MiB)`;

const DEFAULT_LISTENER: SocketAddress = { address: "127.0.0.1", port: 5311 };

/** Google's public servers: what Docker asks when a host names none. */
const DOCKER_FALLBACK: readonly ServerAddress[] = [
  "8.8.8.8",
  "8.8.4.4",
  "2001:4860:4860::8888",
  "2001:4860:4860::8844",
].map((address) => ({ address, port: 53 }));

const servers = z.array(upstream, want("a list of addresses, like [10.0.0.1]"));

const dockerFallback = z.literal("docker").transform(() => [...DOCKER_FALLBACK]);

const fallbackUpstream = z.union(
  [dockerFallback, upstream.transform((one) => [one])],
  want("docker or an address"),
);

/** The whole file. `folder`, where the file stands, is what its relative paths are relative to. */
export function configSchema(folder: string): z.ZodType<Config> {
  return closed({
    socket: socketPath(folder).default(() => defaultSocket()),
    listen: distinct(
      z.array(listener, want("a list of address:port, like [127.0.0.1:5311], or [] for none")),
    ).default([DEFAULT_LISTENER]),
    sources: distinct(
      z.array(source(folder), want("a list, like [{ file: shop.yaml }] or [{ docker: true }]")),
    ).default([]),
    attach: z
      .union(
        [z.enum(["none", "all"]), z.array(text("the name of a container").min(1))],
        want("none, all or a list of container names, like [web-1]"),
      )
      .default("none"),
    upstreams: z
      .union([z.literal("host"), servers], want('host or a list, like [10.0.0.1, "10.0.0.2:5353"]'))
      .default("host"),
    policy: z.enum(POLICIES, want("ordered, fastest or random")).default("ordered"),
    ipv6: z.enum(["auto", "off"], want("auto or off")).default("auto"),
    resolvConf: path(folder, "/etc/resolv.conf").default("/etc/resolv.conf"),
    fallbackUpstreams: z
      .union(
        [dockerFallback, z.array(fallbackUpstream).transform((lists) => lists.flat())],
        want("docker or a list of addresses, like [9.9.9.9]"),
      )
      .default([]),
    domains: bySuffix(
      z.record(
        z.string(),
        servers.min(1, "names no server: give at least one, like [10.1.0.53]"),
        want("a map from suffix to servers, like { corp.example: [10.1.0.53] }"),
      ),
    ).default(() => new Map()),
    hostSuffix: suffix().default("docker."),
    ttl: z.int(want(TTL_TEXT)).min(0, want(TTL_TEXT)).max(MAX_TTL, want(TTL_TEXT)).default(5),
    cache: cache.default(() => cache.parse({})),
    dataplane: z
      .union(
        [
          z.literal("portable"),
          closed({
            workers: z
              .int(want(WORKERS_TEXT))
              .min(1, want(WORKERS_TEXT))
              .max(MAX_WORKERS, want(WORKERS_TEXT))
              .default(1),
            tableBytes: z
              .int(want(TABLE_TEXT))
              .min(MIN_TABLE, want(TABLE_TEXT))
              .max(MAX_TABLE, want(TABLE_TEXT))
              .default(32 * MIB),
          }),
        ],
        want("portable or a map, like { workers: 2 }"),
      )
      .default({ workers: 1, tableBytes: 32 * MIB }),
    nodeLocal: nodeLocal.prefault(false),
    metrics: listener.optional(),
  })
    .superRefine((config, context) => {
      for (const conflict of nodeLocalConflicts(config)) context.addIssue({ code: "custom", ...conflict });
    })
    .transform(({ metrics, ...config }) => ({ ...config, metrics }));
}

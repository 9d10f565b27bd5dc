import { z } from "zod";

/**
 * What we read of the engine's JSON, from API 1.24 on. Everything else in it is let through unseen; what is here and
 * of another shape makes the whole answer one that can't be understood.
 */

/** The engine writes null, or nothing, for an empty list, map or text. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);

function map<T extends z.ZodType>(of: T) {
  return z
    .record(z.string(), of)
    .nullish()
    .transform((value): Readonly<Record<string, z.output<T>>> => value ?? {});
}

const endpoint = z.object({
  /** Up to API 1.44 with the short id, and in some with the hostname, at the end. */
  Aliases: texts,
  /** `target:alias`, or `target` alone. */
  Links: texts,
  IPAddress: text,
  GlobalIPv6Address: text,
  /** API 1.48. */
  GwPriority: z
    .number()
    .nullish()
    .transform((value) => value ?? 0),
});

/** Null is one that was named when the container was made, with nothing said of it. */
const endpointOrNull = endpoint.nullish().transform((value) => value ?? endpoint.parse({}));

/** `GET /version`. */
export const engineVersion = z.object({
  /** Of the engine: `20.10.24`. */
  Version: z.string(),
  /** The newest API it speaks, and the oldest. */
  ApiVersion: z.string(),
  MinAPIVersion: z.string().nullish(),
});

/** `GET /containers/json`. */
export const engineIds = z.array(z.object({ Id: z.string() }).transform(({ Id }) => Id));

/** `GET /containers/ID/json`. */
export const engineContainer = z.object({
  Id: z.string().regex(/^[0-9a-f]{12,64}$/),
  /** With a slash before it. */
  Name: z.string(),
  State: z.object({
    /** True of a paused one, too, and of one that waits to be restarted. */
    Running: z.boolean(),
    Restarting: z.boolean().nullish(),
    /** As the engine's machine sees it; 0 while it does not run. */
    Pid: z.number(),
    StartedAt: text,
  }),
  Config: z.object({ Hostname: text, Labels: map(z.string()) }),
  HostConfig: z.object({ NetworkMode: text, Dns: texts }),
  NetworkSettings: z.object({ SandboxKey: text, Networks: map(endpointOrNull) }),
});

/** `GET /networks`. */
export const engineNetwork = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: text,
  Internal: z.boolean().nullish(),
  /** The swarm's own, for published ports. */
  Ingress: z.boolean().nullish(),
});

/** `GET /networks/ID`. */
export const engineMembers = z.object({
  /** By id; the addresses are with the length of their prefix. */
  Containers: map(z.object({ Name: text, IPv4Address: text, IPv6Address: text })),
});

/** `GET /services`. */
export const engineService = z.object({
  ID: z.string(),
  Spec: z.object({ Name: z.string() }),
  Endpoint: z
    .object({
      VirtualIPs: z
        .array(z.object({ NetworkID: z.string(), Addr: text }))
        .nullish()
        .transform((value) => value ?? []),
    })
    .nullish(),
});

/** `GET /tasks`. */
export const engineTask = z.object({
  ID: z.string(),
  ServiceID: text,
  NodeID: text,
  Slot: z.number().nullish(),
  Status: z.object({
    State: z.string(),
    ContainerStatus: z.object({ ContainerID: text }).nullish(),
  }),
  Spec: z.object({
    Networks: z
      .array(z.object({ Target: z.string(), Aliases: texts }))
      .nullish()
      .transform((value) => value ?? []),
  }),
  NetworksAttachments: z
    .array(z.object({ Network: z.object({ ID: z.string() }), Addresses: texts }))
    .nullish()
    .transform((value) => value ?? []),
});

export type EngineContainer = z.output<typeof engineContainer>;
export type EngineEndpoint = z.output<typeof endpoint>;
export type EngineMembers = z.output<typeof engineMembers>;
export type EngineNetwork = z.output<typeof engineNetwork>;
export type EngineService = z.output<typeof engineService>;
export type EngineTask = z.output<typeof engineTask>;

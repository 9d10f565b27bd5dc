import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { Control, QueryReport, QueryRequest, StatusReport, UpstreamReport } from "./api/control.ts";
import { createMetrics, serveMetrics } from "./api/metrics.ts";
import { serveControl } from "./api/server.ts";
import { formatSocketAddress } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import { CodedError } from "./base/errors.ts";
import type { Logger } from "./base/log.ts";
import type { Config } from "./config/schema.ts";
import { attaching } from "./daemon/attaching.ts";
import { plainListeners } from "./daemon/listeners.ts";
import { onlyIf, pipeline } from "./daemon/pipeline.ts";
import { readings } from "./daemon/readings.ts";
import { queryReport } from "./daemon/reports.ts";
import { createSources } from "./daemon/sources.ts";
import { allServers, confinement, hasOwnUpstreams, hostSelection, ownSelection } from "./daemon/upstreams.ts";
import { createRegistry } from "./registry/registry.ts";
import { registryZone } from "./registry/zone.ts";
import { hostSuffix } from "./resolver/host-suffix.ts";
import type { Resolver } from "./resolver/resolver.ts";
import { route } from "./resolver/route.ts";
import { specialUse } from "./resolver/special-use.ts";
import { noTrace } from "./resolver/trace.ts";
import { attachments } from "./sandbox/attachments.ts";
import { failureLog } from "./server/failure-log.ts";
import { createHandler, type Observation } from "./server/handle.ts";
import { respond } from "./server/respond.ts";
import { tcpListener } from "./server/tcp.ts";
import { udpListener } from "./server/udp.ts";
import { admission } from "./upstream/admission.ts";
import { upstreamCounters } from "./upstream/counters.ts";
import { hostDialer } from "./upstream/dialer.ts";
import { forwarder, type Select, type Selection } from "./upstream/forwarder.ts";
import { health, serverKey } from "./upstream/health.ts";
import { hostResolvConf } from "./upstream/host-resolv-conf.ts";
import { version } from "./version.ts";
import { RrClass, rcodeName, typeName, typeNumber } from "./wire/iana.ts";
import { nameFromText } from "./wire/name.ts";

/** How long a stopping daemon lets queries wait for upstreams; the rest of its two seconds is for answering them. */
const STOP_GRACE_MS = 700;

/** The running program. It joins the folders; each of them does its own work. */
export interface Daemon extends Control {
  /** Puts another configuration in force, whole or not at all: throws a CodedError and goes on as before. */
  reload(config: Config): Promise<void>;
  /** Answers what is in flight, hands every 127.0.0.11 back, and ends; within two seconds. */
  close(): Promise<void>;
}

export async function startDaemon(options: {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Daemon> {
  const { clock, log } = options;
  let config = options.config;
  const began = new Date(clock.wall()).toISOString();
  const stopping = new AbortController();

  // What is true: the sources tell the registry which containers exist.
  const registry = createRegistry({ clock, host: hostname() });
  const sources = createSources({ registry, clock, log });

  // Who is asked for the rest.
  const upstreamHealth = health({ clock });
  const admitted = admission();
  const upstreamCounts = upstreamCounters();
  let hostServers = hostResolvConf({ path: config.resolvConf, clock });

  const containerOf = (sandbox: string | undefined) =>
    sandbox === undefined ? undefined : registry.container(sandbox);

  function forward(name: string, select: Select): Resolver {
    return admitted.admit(
      forwarder({ name, select, health: upstreamHealth, clock, counters: upstreamCounts }),
    );
  }

  function buildPipeline(): Resolver {
    const domains = [...config.domains].map(([domain, servers]) => {
      const selection: Selection = { servers, dialer: hostDialer, why: `split DNS for ${domain}` };
      return [domain, forward(`split-dns ${domain}`, () => selection)] as const;
    });
    const zone = registryZone({ registry, ttl: () => config.ttl });
    const hasOwn = (sandbox: string | undefined) => hasOwnUpstreams(containerOf(sandbox));
    return pipeline({
      registryZone: zone,
      hostSuffix: hostSuffix({ suffix: () => config.hostSuffix, inner: zone }),
      specialUse: specialUse(),
      ownUpstreams: onlyIf(
        ({ client }) => hasOwn(client.sandbox),
        forward("own-upstreams", ({ client }) => ownSelection(registry.container(client.sandbox as string)!)),
      ),
      confinement: confinement(registry),
      splitDns: route({ domains: new Map(domains) }),
      hostUpstreams: forward("host-upstreams", () => hostSelection(config, hostServers)),
    });
  }
  let resolver = buildPipeline();

  // Who asks.
  const metrics = createMetrics(
    readings({ registry, attached: () => attached.status(), admitted, counters: upstreamCounts }),
  );
  const logFailure = failureLog({ clock, log });
  function observe(seen: Observation): void {
    const { answer, client, question } = seen;
    const container = containerOf(client.sandbox)?.name ?? "";
    metrics.query({
      container,
      qtype: typeName(question.type),
      rcode: rcodeName(answer.rcode),
      origin: answer.origin,
    });
    logFailure(seen);
  }
  const handler = createHandler({ resolver: () => resolver, observe, clock, log, signal: stopping.signal });
  const { sandboxByAddress } = registry;
  const listeners = plainListeners({ handler, sandboxByAddress, clock, log });
  const attached = attachments({
    clock,
    log,
    serve: {
      udp: (socket, sandbox) => {
        const client = { sandbox, transport: "udp" } as const;
        return udpListener({
          name: `udp 127.0.0.11 of ${sandbox}`,
          socket,
          client: () => client,
          handler,
          clock,
          log,
        });
      },
      tcp: (server, sandbox) => {
        const client = { sandbox, transport: "tcp" } as const;
        return tcpListener({
          name: `tcp 127.0.0.11 of ${sandbox}`,
          server,
          client: () => client,
          handler,
          clock,
          log,
        });
      },
    },
  });
  const attach = attaching({ config: () => config, registry, attachments: attached });
  registry.onChange(() => attach.reconcile());

  async function query(request: QueryRequest): Promise<QueryReport> {
    const name = nameFromText(request.name);
    const type = typeNumber(request.type);
    if (name === undefined) throw usage(`Cannot ask for "${request.name}": it is not a domain name`);
    if (type === undefined) throw usage(`Cannot ask for type "${request.type}": there is no such type`);
    const container = request.from === undefined ? undefined : registry.findContainer(request.from);
    if (request.from !== undefined && container === undefined) {
      const remedy = "see the containers with `eleven records`";
      throw new CodedError("NO_SUCH_CONTAINER", `Cannot ask as "${request.from}": no source knows it`, {
        remedy,
      });
    }
    const question = { name, type, class: RrClass.IN };
    const client = { sandbox: container?.key, transport: "control" } as const;
    const flags = { rd: true, cd: false, ad: false, do: false };
    const begin = clock.now();
    const asked = { question, client, ...flags, signal: stopping.signal, trace: noTrace };
    const answer = await respond(resolver, asked, log);
    return queryReport(question, container?.name ?? null, answer, clock.now() - begin);
  }

  function status(): StatusReport {
    const attachments = attach.reports();
    return {
      ready: registry.ready,
      since: began,
      version,
      pid: process.pid,
      revision: registry.revision,
      sources: sources.status(),
      containers: [...registry.containers()].length,
      attached: attachments.filter(({ state }) => state === "attached").map(({ container }) => container),
      attachments,
      listeners: listeners.names(),
      upstreams: allServers(config, hostServers).map((server): UpstreamReport => {
        const { state, rttMs } = upstreamHealth.of(serverKey(hostDialer.scope, server));
        return { address: formatSocketAddress(server), state, rttMs: rttMs ?? null };
      }),
    };
  }

  async function reload(next: Config): Promise<void> {
    await listeners.reconcile(next.listen);
    await sources.reconcile(next.sources);
    if (next.socket !== config.socket || !isDeepStrictEqual(next.metrics, config.metrics)) {
      log.warn({}, "`socket` and `metrics` keep their old values until the daemon is started anew");
    }
    if (next.resolvConf !== config.resolvConf) hostServers = hostResolvConf({ path: next.resolvConf, clock });
    config = next;
    resolver = buildPipeline();
    attach.reconcile();
  }

  async function close(): Promise<void> {
    const cancel = clock.after(STOP_GRACE_MS, () => stopping.abort());
    await Promise.all([listeners.close(), attached.close(), sources.close()]);
    cancel();
    stopping.abort();
    await Promise.all([control.close(), exposition?.close()]);
  }

  const surface: Control = {
    status,
    query,
    records: (filter) => registry.records(filter),
    history: (name) => registry.history(name),
    attach: async (containers) => attach.attach(containers),
    detach: async (containers) => attach.detach(containers),
  };

  // The control socket first: it is the lock that keeps a second daemon out.
  const control = await serveControl({ path: config.socket, control: surface, log });
  let exposition: { close(): Promise<void> } | undefined;
  try {
    await sources.reconcile(config.sources);
    await listeners.reconcile(config.listen);
    if (config.metrics !== undefined) exposition = await serveMetrics(metrics, config.metrics);
    attach.reconcile();
  } catch (error) {
    await close();
    throw error;
  }
  return { ...surface, reload, close };
}

function usage(message: string): CodedError {
  return new CodedError("USAGE", message);
}

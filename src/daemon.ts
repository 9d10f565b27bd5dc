import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { Control, RecordFilter, StatusReport } from "./api/control.ts";
import { createMetrics, serveMetrics } from "./api/metrics.ts";
import { serveControl } from "./api/server.ts";
import type { Clock } from "./base/clock.ts";
import type { Logger } from "./base/log.ts";
import type { Config } from "./config/schema.ts";
import { asker } from "./daemon/asker.ts";
import { attaching } from "./daemon/attaching.ts";
import { containerListeners, plainListeners } from "./daemon/listeners.ts";
import { onlyIf, pipeline } from "./daemon/pipeline.ts";
import type { Prepared } from "./daemon/prepared.ts";
import { labelsOf, readings } from "./daemon/readings.ts";
import { upstreamReport } from "./daemon/reports.ts";
import { createSources } from "./daemon/sources.ts";
import { allServers, confinement, hasOwnUpstreams, hostSelection, ownSelection } from "./daemon/upstreams.ts";
import { createRegistry, type Registry } from "./registry/registry.ts";
import { registryZone } from "./registry/zone.ts";
import { hostSuffix } from "./resolver/host-suffix.ts";
import { noTransfer } from "./resolver/no-transfer.ts";
import type { Resolver } from "./resolver/resolver.ts";
import { route } from "./resolver/route.ts";
import { specialUse } from "./resolver/special-use.ts";
import { attachments } from "./sandbox/attachments.ts";
import { failureLog } from "./server/failure-log.ts";
import { createHandler, type Observation } from "./server/handle.ts";
import { admission } from "./upstream/admission.ts";
import { upstreamCounters } from "./upstream/counters.ts";
import { hostDialer } from "./upstream/dialer.ts";
import { forwarder, type Select, type Selection } from "./upstream/forwarder.ts";
import { health } from "./upstream/health.ts";
import { hostResolvConf } from "./upstream/host-resolv-conf.ts";
import { version } from "./version.ts";

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
  let exposition: { close(): Promise<void> } | undefined;

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
      noTransfer: noTransfer(),
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
    () => new Set(Array.from(registry.containers(), ({ name }) => name)),
  );
  const logFailure = failureLog({ clock, log });
  function observe(seen: Observation): void {
    if (exposition !== undefined) metrics.query(labelsOf(seen, containerOf(seen.client.sandbox)));
    logFailure(seen);
  }
  const handler = createHandler({ resolver: () => resolver, observe, log, signal: stopping.signal });
  const { sandboxByAddress } = registry;
  const listeners = plainListeners({ handler, sandboxByAddress, clock, log });
  const attached = attachments({ clock, log, serve: containerListeners({ handler, clock, log }) });
  const attach = attaching({ config: () => config, registry, attachments: attached });
  let wasReady = registry.ready;
  let readySince = began;
  registry.onChange(() => {
    if (registry.ready !== wasReady) readySince = new Date(clock.wall()).toISOString();
    wasReady = registry.ready;
    attach.reconcile();
  });

  function status(): StatusReport {
    const attachments = attach.reports();
    return {
      ready: registry.ready,
      since: readySince,
      started: began,
      version,
      pid: process.pid,
      revision: registry.revision,
      sources: sources.status(),
      containers: [...registry.containers()].length,
      attached: attachments.filter(({ state }) => state === "attached").map(({ container }) => container),
      attachments,
      listeners: listeners.names(),
      upstreams: allServers(config, hostServers, registry.containers()).map((each) =>
        upstreamReport(each, upstreamHealth),
      ),
    };
  }

  async function putInForce(next: Config): Promise<void> {
    const prepared: Prepared[] = [];
    try {
      prepared.push(await listeners.prepare(next.listen));
      prepared.push(await sources.prepare(next.sources));
    } catch (error) {
      await Promise.all(prepared.map((part) => part.abandon()));
      throw error;
    }
    if (next.resolvConf !== config.resolvConf) hostServers = hostResolvConf({ path: next.resolvConf, clock });
    config = next;
    resolver = buildPipeline();
    attach.reconcile();
    await Promise.all(prepared.map((part) => part.commit()));
  }

  // One after the other: a reload that overtook another would start and stop the same things.
  let lastReload: Promise<void> = Promise.resolve();
  function reload(next: Config): Promise<void> {
    lastReload = lastReload
      .catch(() => {})
      .then(() => {
        if (stopping.signal.aborted) return;
        if (next.socket !== config.socket || !isDeepStrictEqual(next.metrics, config.metrics)) {
          log.warn({}, "`socket` and `metrics` keep their old values until the daemon is started anew");
        }
        return putInForce(next);
      });
    return lastReload;
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
    query: asker({ registry, resolver: () => resolver, clock, log, signal: stopping.signal }),
    records: (filter) => registry.records(withContainerKey(filter, registry)),
    history: (name) => registry.history(name),
    attach: async (containers) => attach.attach(containers),
    detach: async (containers) => attach.detach(containers),
  };

  // The control socket first: it is the lock that keeps a second daemon out.
  const control = await serveControl({ path: config.socket, control: surface, log });
  try {
    await putInForce(config);
    if (config.metrics !== undefined) exposition = await serveMetrics(metrics, config.metrics);
  } catch (error) {
    await close();
    throw error;
  }
  return { ...surface, reload, close };
}

/** A container may be named here by whatever names it elsewhere, its full id too. */
function withContainerKey(filter: RecordFilter, registry: Registry): RecordFilter {
  const found = filter.container === undefined ? undefined : registry.findContainer(filter.container);
  return found === undefined ? filter : { ...filter, container: found.key };
}

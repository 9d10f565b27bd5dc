import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { Control, RecordFilter, StatusReport } from "./api/control.ts";
import { createMetrics, serveMetrics } from "./api/metrics.ts";
import { serveControl } from "./api/server.ts";
import type { Clock } from "./base/clock.ts";
import type { Logger } from "./base/log.ts";
import { formatServer } from "./base/server-address.ts";
import { sleepless } from "./base/sleepless.ts";
import { createCache } from "./cache/cache.ts";
import { cacheCounters } from "./cache/counters.ts";
import type { Uses } from "./cache/uses.ts";
import type { Config } from "./config/schema.ts";
import { asker } from "./daemon/asker.ts";
import { attaching } from "./daemon/attaching.ts";
import { cacheControl, scopeOf } from "./daemon/caching.ts";
import { diagnosing } from "./daemon/diagnosing.ts";
import { dialing } from "./daemon/dialing.ts";
import { explainer } from "./daemon/explaining.ts";
import { containerListeners, plainListeners } from "./daemon/listeners.ts";
import { nodeLocal as nodeLocalListener } from "./daemon/node-local.ts";
import { noticing } from "./daemon/noticing.ts";
import { onlyIf, pipeline } from "./daemon/pipeline.ts";
import { plane as makePlane, planeReport } from "./daemon/plane.ts";
import type { Prepared } from "./daemon/prepared.ts";
import { labelsOf, readings, refusedBy } from "./daemon/readings.ts";
import { upstreamReport } from "./daemon/reports.ts";
import { createSources } from "./daemon/sources.ts";
import {
  allServers,
  confinement,
  hasOwnUpstreams,
  hostSelection,
  isListener,
  LEADS_BACK,
  nodeLocalSelection,
  ownSelection,
} from "./daemon/upstreams.ts";
import { watching } from "./daemon/watching.ts";
import type { Labels } from "./dataplane/tallies.ts";
import { namespaceSupport } from "./linux/namespace.ts";
import { createRegistry, type Registry } from "./registry/registry.ts";
import { registryZone } from "./registry/zone.ts";
import { hostSuffix } from "./resolver/host-suffix.ts";
import { noIpv6 } from "./resolver/no-ipv6.ts";
import { noTransfer } from "./resolver/no-transfer.ts";
import type { Resolver } from "./resolver/resolver.ts";
import { route } from "./resolver/route.ts";
import { specialUse } from "./resolver/special-use.ts";
import { attachments } from "./sandbox/attachments.ts";
import { stubFiles } from "./sandbox/stub-files.ts";
import { failureLog } from "./server/failure-log.ts";
import { createHandler, type Observation } from "./server/handle.ts";
import { nobodyCrowded } from "./server/tcp.ts";
import { admission } from "./upstream/admission.ts";
import { upstreamCounters } from "./upstream/counters.ts";
import { exchanger } from "./upstream/exchange.ts";
import { forwarder, type Select, type Selection } from "./upstream/forwarder.ts";
import { health } from "./upstream/health.ts";
import { hedges } from "./upstream/hedges.ts";
import { hostResolvConf } from "./upstream/host-resolv-conf.ts";
import { loops as loopTests } from "./upstream/loops.ts";
import { silenceMemory } from "./upstream/silence.ts";
import { version } from "./version.ts";

/** How long a stopping daemon lets queries wait for upstreams; the rest of its two seconds is for answering them. */
const STOP_GRACE_MS = 700;

/** The running program. It joins the folders; each of them does its own work. */
export interface Daemon extends Control {
  /** Puts another configuration in force, whole or not at all: throws a CodedError and goes on as before. */
  reload(config: Config): Promise<void>;
  /**
   * Answers what is in flight, hands every 127.0.0.11 back, and ends; within two seconds, unless a thread hangs: who has
   * promised them, ends the process then (`cli/commands/serve.ts`).
   */
  close(): Promise<void>;
  /** Whether there is a way into the container's network namespace. */
  canAttach(sandbox: string): boolean;
}

export async function startDaemon(options: {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the start as soon as that goes: it is to be closed as soon as it has started. */
  readonly hurry?: AbortSignal;
}): Promise<Daemon> {
  const { clock, log, hurry } = options;
  let config = options.config;
  const began = new Date(clock.wall()).toISOString();
  const stopping = new AbortController();
  let isClosing = false;
  let control: { close(): Promise<void> } | undefined;
  let exposition: { close(): Promise<void> } | undefined;

  // What is true: the sources tell the registry which containers exist.
  const registry = createRegistry({ clock, host: hostname() });
  const sources = createSources({ registry, clock, log, changed: () => attach.reconcile() });

  hurry?.addEventListener("abort", () => void sources.close(), { once: true });

  // Who is asked for the rest.
  const known = { health: health({ clock }), silence: silenceMemory({ clock }) };
  const loops = loopTests({
    clock,
    isOurs: (scope, server) => isListener(scope, server, listenerNames()),
    onFound: ({ name }, server) =>
      log.warn({ upstream: formatServer(server), scope: name, ...LEADS_BACK }, "upstream refused"),
  });
  const shared = { ...known, loops, exchange: exchanger({ clock }), budget: hedges() };
  const admitted = admission();
  const upstreamCounts = upstreamCounters();
  let hostServers = hostResolvConf({ path: config.resolvConf, clock });
  /** What the data plane gives of the cache by itself. */
  const uses: Uses = {
    nextMark: () => plane.data?.uses.nextMark() ?? 0,
    take: (mark) => plane.data?.uses.take(mark) ?? false,
  };
  const cacheCounts = cacheCounters();
  const newCache = () =>
    createCache({
      settings: config.cache,
      clock,
      signal: stopping.signal,
      counters: cacheCounts,
      uses,
    });
  let cache = newCache();

  const containerOf = (sandbox: string | undefined) =>
    sandbox === undefined ? undefined : registry.container(sandbox);

  function forward(name: string, select: Select): Resolver {
    const inner = forwarder({
      name,
      select,
      policy: () => config.policy,
      clock,
      counters: upstreamCounts,
      ...shared,
    });
    return cache.cached({ scope: scopeOf(name, select, containerOf), inner, admit: admitted.admit });
  }

  const dial = dialing(() => plane.data);
  const selectHost = (): Selection => hostSelection(config, hostServers, loops.isLoop, dial.host);

  function buildPipeline(): Resolver {
    const domains = [...config.domains].map(([domain, servers]) => {
      const selection: Selection = { servers, dialer: dial.host, why: `split DNS for ${domain}` };
      return [domain, forward(`split-dns ${domain}`, () => selection)] as const;
    });
    const zone = registryZone({ registry, ttl: () => config.ttl });
    const hasOwn = (sandbox: string | undefined) => hasOwnUpstreams(containerOf(sandbox));
    return pipeline({
      loopTest: loops.resolver,
      noTransfer: noTransfer(),
      registryZone: zone,
      hostSuffix: hostSuffix({ suffix: () => config.hostSuffix, inner: zone }),
      specialUse: specialUse(),
      noIpv6: noIpv6({ isOff: () => config.ipv6 === "off" }),
      ownUpstreams: onlyIf(
        ({ client }) => hasOwn(client.sandbox),
        forward("own-upstreams", ({ client }) =>
          ownSelection(registry.container(client.sandbox as string)!, dial),
        ),
      ),
      confinement: confinement(registry),
      splitDns: route({ domains: new Map(domains) }),
      nodeLocalUpstreams: onlyIf(
        ({ client }) => client.via !== undefined,
        forward("node-local-upstreams", () => nodeLocalSelection(config, selectHost())),
      ),
      hostUpstreams: forward("host-upstreams", selectHost),
    });
  }
  let resolver = buildPipeline();

  // Who asks.
  const metrics = createMetrics(
    readings({
      registry,
      attached: () => attached.status(),
      admitted,
      counters: upstreamCounts,
      cache: () => cache.stats(),
      plane: () => plane,
      refused: () => refusedBy(handler.refused, plane.data?.refused),
      crowded: () => crowded,
    }),
    () => new Set(Array.from(registry.containers(), ({ name }) => name)),
    countHits,
  );
  const logFailure = failureLog({ clock, log });
  const watched = watching({ registry, plane: () => plane.data, clock });
  function observe(seen: Observation): void {
    if (exposition !== undefined) metrics.query(labelsOf(seen, containerOf(seen.client.sandbox)));
    logFailure(seen);
    watched.observe(seen);
  }
  /** What the data plane answered by itself has been seen by nobody here. */
  function countHit(container: string, labels: Labels, count: number): void {
    if (exposition !== undefined) metrics.query({ container, ...labels }, count);
    if (labels.origin === "cache") cache.givenElsewhere(count);
  }
  function countHits(): void {
    plane.data?.drain(countHit);
  }
  const crowded = nobodyCrowded();
  const handler = createHandler({ resolver: () => resolver, observe, clock, log, signal: stopping.signal });
  const { sandboxByAddress } = registry;
  const plane = makePlane({ config: config.dataplane, handler, registry, settled: countHit, clock, log });
  const answering = { plane: plane.udp, handler, crowded, clock, log };
  const isServing = (): boolean => plane.data?.isAlive ?? true;
  const listeners = plainListeners({ ...answering, sandboxByAddress });
  const nodeLocal = nodeLocalListener({ ...answering, isServing });
  const listenerNames = (): string[] => [...listeners.names(), ...nodeLocal.names()];
  const attached = attachments({
    clock,
    log,
    serve: containerListeners(answering),
    isServing,
  });
  const attach = attaching({
    config: () => config,
    registry,
    attachments: attached,
    netnsDirectories: sources.netnsDirectories,
  });
  // Queries that come here see the host's file, and the hour, as they are; those that the data plane answers don't
  // come here, and its clock stands still while the machine sleeps.
  const awake = sleepless(clock);
  const stopNoticing = noticing({
    clock,
    look: () => [hostServers.current().servers, Math.round((awake() - clock.now()) / 1000)],
    changed: () => plane.data?.changedAll(),
  });
  let wasReady = registry.ready;
  let readySince = began;
  registry.onChange(() => {
    if (registry.ready !== wasReady) {
      readySince = new Date(clock.wall()).toISOString();
      // Who is nobody's name depends on it.
      plane.data?.changedAll();
    }
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
      listeners: listenerNames(),
      nodeLocal: nodeLocal.report(),
      dataplane: planeReport(plane),
      upstreams: allServers(config, hostServers, loops.isLoop, registry.containers()).map((each) =>
        upstreamReport(each, { ...known, loops }),
      ),
    };
  }

  async function putInForce(next: Config): Promise<void> {
    const prepared: Prepared[] = [];
    try {
      prepared.push(await listeners.prepare(next.listen));
      prepared.push(await nodeLocal.prepare(next.nodeLocal));
      // Last: what they tell is in the registry at once.
      prepared.push(await sources.prepare(next.sources));
    } catch (error) {
      await Promise.all(prepared.map((part) => part.abandon()));
      throw error;
    }
    // Who is being closed puts nothing in force that nobody would take back.
    if (isClosing) return void (await Promise.all(prepared.map((part) => part.abandon())));
    if (next.resolvConf !== config.resolvConf) hostServers = hostResolvConf({ path: next.resolvConf, clock });
    const isOtherCache = !isDeepStrictEqual(next.cache, config.cache);
    config = next;
    if (isOtherCache) cache = newCache();
    resolver = buildPipeline();
    plane.data?.changedAll();
    attach.reconcile();
    await Promise.all(prepared.map((part) => part.commit()));
  }

  // One after the other: a reload that overtook another would start and stop the same things.
  let lastReload: Promise<void> = Promise.resolve();
  function reload(next: Config): Promise<void> {
    lastReload = lastReload
      .catch(() => {})
      .then(() => {
        if (isClosing) return;
        if (!isDeepStrictEqual(fixedFrom(next), fixedFrom(options.config))) {
          log.warn(
            {},
            "`socket`, `metrics` and `dataplane` keep their old values until the daemon is started anew",
          );
        }
        return putInForce(next);
      });
    return lastReload;
  }

  async function close(): Promise<void> {
    isClosing = true;
    stopNoticing();
    const cancel = clock.after(STOP_GRACE_MS, () => stopping.abort());
    await Promise.all([
      nodeLocal.close(),
      listeners.close(),
      attached.close(),
      sources.close(),
      lastReload.catch(() => {}),
    ]);
    cancel();
    stopping.abort();
    await Promise.all([control?.close(), exposition?.close(), plane.data?.close()]);
  }

  const asking = { registry, resolver: () => resolver, clock, log, signal: stopping.signal };
  const isAttached = (key: string) =>
    attached.status().some(({ sandbox, state }) => sandbox === key && state === "attached");
  const surface: Control = {
    status,
    query: asker(asking),
    explain: explainer({ ...asking, isAttached, files: stubFiles }),
    records: (filter) => registry.records(withContainerKey(filter, registry)),
    history: (name) => registry.history(name),
    attach: async (containers) => attach.attach(containers),
    detach: async (containers) => attach.detach(containers),
    watch: watched.watch,
    ...cacheControl(
      () => {
        countHits();
        return cache;
      },
      () => plane.data?.changedAll(),
    ),
    ...diagnosing({
      clock,
      log,
      registry,
      config: () => config,
      hostResolvConf: () => hostServers,
      loops,
      exchange: shared.exchange,
      attached: () =>
        new Set(attached.status().flatMap(({ sandbox, state }) => (state === "attached" ? [sandbox] : []))),
    }),
  };

  try {
    // The control socket first: it is the lock that keeps a second daemon out.
    control = await serveControl({ path: config.socket, control: surface, log, hurry });
    await putInForce(config);
    if (config.metrics !== undefined) exposition = await serveMetrics(metrics, config.metrics);
  } catch (error) {
    await close();
    throw error;
  }
  const canAttach = (sandbox: string) =>
    registry.container(sandbox)?.netns !== undefined && namespaceSupport().ok;
  return { ...surface, reload, close, canAttach };
}

/** What can't be changed while the program runs. */
function fixedFrom({ socket, metrics, dataplane }: Config): Partial<Config> {
  return { socket, metrics, dataplane };
}

/** A container may be named here by whatever names it elsewhere, its full id too. */
function withContainerKey(filter: RecordFilter, registry: Registry): RecordFilter {
  const found = filter.container === undefined ? undefined : registry.findContainer(filter.container);
  return found === undefined ? filter : { ...filter, container: found.key };
}

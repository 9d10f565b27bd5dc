import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { SourceConfig } from "../config/schema.ts";
import type { Registry } from "../registry/registry.ts";
import { dockerSource } from "../sources/docker.ts";
import { fileSource } from "../sources/file.ts";
import { snapshotReader } from "../sources/snapshot-reader.ts";
import type { Source, SourceStatus } from "../sources/source.ts";
import type { Prepared } from "./prepared.ts";

/** All that tell the registry which containers exist. */
export interface Sources {
  /**
   * Starts what is new in `wanted`; throws a CodedError if one can't be started. Committing refreshes what stays,
   * and takes out of the registry what is gone.
   */
  prepare(wanted: readonly SourceConfig[]): Promise<Prepared>;
  status(): SourceStatus[];
  /** Of all, see `Source`. */
  netnsDirectories(): string[];
  /** Those that are just being started end, too. */
  close(): Promise<void>;
}

/** So long, names that nobody knows are not asked of upstreams because of one source while another has been read. */
const AWAITED_MS = 10_000;

export function createSources(options: {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who is there to be asked, or `netnsDirectories`, is another than before. */
  readonly changed: () => void;
}): Sources {
  const { registry, clock, log, changed } = options;
  // Where the bundle has it (scripts/build.mjs).
  const read = snapshotReader(new URL("./snapshot-worker.js", import.meta.url));
  let running = new Map<string, Source>();
  /** Until they have told for the first time. */
  const starting = new Set<Source>();
  let isFirst = true;
  let isClosed = false;
  const cancels: (() => void)[] = [];

  function make(config: SourceConfig): Source {
    const name = nameOf(config);
    const { apply } = registry;
    if (config.kind === "file") return fileSource({ path: config.path, name, read, apply, clock, log });
    const doubt = (verifiedAt: string) => registry.doubt(name, verifiedAt);
    const { url } = config;
    return dockerSource({ url, name, env: process.env, apply, doubt, onState: changed, clock, log });
  }

  async function prepare(wanted: readonly SourceConfig[]): Promise<Prepared> {
    const next = new Map<string, Source>();
    for (const config of wanted) next.set(nameOf(config), running.get(nameOf(config)) ?? make(config));
    const fresh = [...next].filter(([name]) => !running.has(name));
    async function abandon(): Promise<void> {
      for (const [name, source] of fresh) await end(name, source, "reload refused");
    }
    // Later on, a name that nobody knows is no less nobody's because a source comes to be that has yet to be read.
    if (isFirst) for (const [name] of fresh) expect(name);
    isFirst = false;
    try {
      for (const [, source] of fresh) await start(source);
    } catch (error) {
      await abandon();
      throw error;
    }
    async function commit(): Promise<void> {
      const before = running;
      running = next;
      changed();
      for (const [name, source] of before) {
        if (next.has(name)) await source.refresh();
        else await end(name, source, "source taken out of the configuration");
      }
    }
    return { commit, abandon };
  }

  function expect(name: string): void {
    registry.expect(name);
    const cancel = clock.after(AWAITED_MS, () => {
      registry.overdue(name);
      if (!registry.awaited().includes(name) || registry.holding) return;
      log.warn(
        { source: name, ms: AWAITED_MS },
        "not read yet: names that no other source knows are asked of upstreams",
      );
    });
    cancels.push(cancel);
  }

  async function start(source: Source): Promise<void> {
    if (isClosed) return;
    starting.add(source);
    await source.start().finally(() => starting.delete(source));
  }

  async function end(name: string, source: Source, cause: string): Promise<void> {
    await source.stop();
    registry.forget(name, cause);
  }

  return {
    prepare,
    status: () => [...running.values()].map((source) => source.status()),
    netnsDirectories: () =>
      [...running.values()].flatMap((source) => {
        const directory = source.netnsDirectory();
        return directory === undefined ? [] : [directory];
      }),
    async close() {
      isClosed = true;
      for (const cancel of cancels) cancel();
      await Promise.all([...running.values(), ...starting].map((source) => source.stop()));
    },
  };
}

function nameOf(config: SourceConfig): string {
  return config.kind === "file" ? `file:${config.path}` : `docker:${config.url ?? "default"}`;
}

import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SourceConfig } from "../config/schema.ts";
import type { Registry } from "../registry/registry.ts";
import { fileSource } from "../sources/file.ts";
import type { Source, SourceStatus } from "../sources/source.ts";

/** All that tell the registry which containers exist. */
export interface Sources {
  /**
   * Starts what is new in `wanted`, refreshes what stays, and takes out of the registry what is gone. Throws a
   * CodedError if a new one can't be started; then the old ones go on.
   */
  reconcile(wanted: readonly SourceConfig[]): Promise<void>;
  status(): SourceStatus[];
  close(): Promise<void>;
}

export function createSources(options: {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
}): Sources {
  const { registry, clock, log } = options;
  let running = new Map<string, Source>();

  function make(config: SourceConfig): Source {
    if (config.kind === "file") {
      const name = nameOf(config);
      return fileSource({ path: config.path, name, apply: (change) => registry.apply(change), clock, log });
    }
    const remedy = "describe the containers in a file source for now: `file: shop.yaml`";
    throw new CodedError("SOURCE", "Cannot read containers from Docker: this version has no Docker source", {
      remedy,
    });
  }

  async function reconcile(wanted: readonly SourceConfig[]): Promise<void> {
    const next = new Map<string, Source>();
    const started: Source[] = [];
    for (const config of wanted) {
      const name = nameOf(config);
      next.set(name, running.get(name) ?? make(config));
    }
    for (const name of next.keys()) if (!running.has(name)) registry.expect(name);
    try {
      for (const [name, source] of next) {
        if (running.has(name)) continue;
        started.push(source);
        await source.start();
      }
    } catch (error) {
      await Promise.all(started.map((source) => source.stop()));
      for (const source of next.values())
        if (!running.has(source.name)) registry.forget(source.name, "reload refused");
      throw error;
    }
    const before = running;
    running = next;
    for (const [name, source] of before) {
      if (next.has(name)) await source.refresh();
      else {
        await source.stop();
        registry.forget(name, "source taken out of the configuration");
      }
    }
  }

  return {
    reconcile,
    status: () => [...running.values()].map((source) => source.status()),
    async close() {
      await Promise.all([...running.values()].map((source) => source.stop()));
    },
  };
}

function nameOf(config: SourceConfig): string {
  return config.kind === "file" ? `file:${config.path}` : `docker:${config.url ?? "default"}`;
}

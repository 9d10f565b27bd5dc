import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { type DockerSourceOptions, dockerSource } from "../../src/sources/docker.ts";
import type { Source } from "../../src/sources/source.ts";

/** A source that tells this registry of the engine, by this machine's clock, and logs nothing; `details` says otherwise. */
export function sourceInto(
  registry: Registry,
  { url, name, ...details }: Pick<DockerSourceOptions, "url" | "name"> & Partial<DockerSourceOptions>,
): Source {
  return dockerSource({
    url,
    name,
    env: {},
    apply: registry.apply,
    doubt: (at) => registry.doubt(name, at),
    clock: systemClock,
    log: silentLog,
    ...details,
  });
}

import type { Benchmark } from "./benchmark.ts";
import { cache } from "./cache.ts";
import { cachedNames } from "./cached-names.ts";
import { faults } from "./faults.ts";
import { forward } from "./forward.ts";
import { mixed } from "./mixed.ts";
import { namespaces } from "./namespaces.ts";
import { registryNames } from "./registry-names.ts";
import { scale } from "./scale.ts";

/** All there are. */
export const benchmarks: readonly Benchmark[] = [
  registryNames,
  namespaces,
  scale,
  mixed,
  cachedNames,
  cache,
  forward,
  faults,
];

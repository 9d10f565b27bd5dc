import type { Known } from "./docker-known.ts";
import type { Init, Processes } from "./docker-process.ts";

/** How often the processes of containers are looked at, and how long an engine that is asked about one has for it. */
export const LIVENESS_MS = 1_000;

/**
 * Takes the addresses of containers whose process has ended where the engine does not tell; `after` ends it.
 *
 * While the engine is away, nobody else does. While it is there, it tells by itself, unless it hangs, which would show
 * only with the next full list: so it is asked about a container whose process is gone (`ask`), and what it has not
 * answered by the next look is believed of the process. Whatever it does say of a container, by a list or after an
 * event, ends our watching the process that it had: of a restart we never tell before the engine.
 */
export function watchDeaths(options: {
  readonly known: Known;
  readonly processes: Processes;
  readonly after: (ms: number, act: () => void) => void;
  /** Undefined: the engine is away. */
  readonly ask: ((id: string, cause: string) => void) | undefined;
}): void {
  const { known, processes, after, ask } = options;
  let asked: ReadonlyMap<string, Init> = new Map();

  const hasEnded = (init: Init): boolean =>
    ask === undefined ? !processes.isAlive(init) : processes.isGone(init);

  function look(): void {
    const dead = new Map([...known.inits()].filter(([, init]) => hasEnded(init)));
    for (const [id, init] of dead) {
      if (ask === undefined) known.dropDead(id, "while Docker is away");
      else if (asked.get(id) === init) known.dropDead(id, "and Docker does not answer");
      else ask(id, `the process of ${known.label(id)} is gone`);
    }
    asked = dead;
    after(LIVENESS_MS, look);
  }

  look();
}

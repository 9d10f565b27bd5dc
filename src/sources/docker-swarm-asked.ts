import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { coalesced } from "./coalesced.ts";
import { type EngineClient, isAnswer } from "./docker-client.ts";
import type { Swarm } from "./docker-swarm.ts";

/** A manager that is well answers in a fraction of it; longer than that no container of this machine waits for it. */
const GRACE_MS = 1_000;

/**
 * Asks an engine for its swarm beside a full list, and apart from it: what goes wrong there costs nothing else. A
 * manager that can't tell (without a quorum, say) leaves what it told last, because the services run on.
 *
 * Resolves when `take` has had the answer, or there is none, or it is late. A late one is taken all the same; `late`
 * is called then.
 */
export function swarmAsked(options: {
  readonly source: string;
  readonly client: EngineClient;
  readonly take: (swarm: Swarm | undefined) => void;
  readonly late: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}): () => Promise<void> {
  const { source, client, take, late, clock, log } = options;
  let trouble: string | undefined;

  const load = coalesced(async () => {
    try {
      take(await client.swarm());
      trouble = undefined;
    } catch (error) {
      // The connection may have ended just as well, and that is said elsewhere.
      const reason = messageOf(error);
      if (trouble === reason || !isAnswer(error)) return;
      trouble = reason;
      log.warn({ source, reason }, "docker: the swarm can't be asked; what it told last keeps serving");
    }
  });

  return async () => {
    let isLate = false;
    const loaded = load().then(() => {
      if (isLate) late();
    });
    await new Promise<void>((resolve) => {
      const cancel = clock.after(GRACE_MS, resolve);
      void loaded.then(() => {
        cancel();
        resolve();
      });
    });
    isLate = true;
  };
}
